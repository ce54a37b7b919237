# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the documentation of the role's own modules has in common."""

from __future__ import annotations


class ModuleDocFragment:
    """For every module that a user is not meant to call."""

    DOCUMENTATION = r"""
notes:
  - A part of the role R(varasys.zddc.zddc_server,role). Its options and results may change in every release.
options: {}
"""
