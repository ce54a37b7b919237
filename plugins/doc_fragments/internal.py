# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The documentation that the role's internal modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """For every module that users should not call."""

    DOCUMENTATION = r"""
notes:
  - Part of the role R(varasys.zddc.zddc_server,role). Its options and results may change in any release.
options: {}
"""
