# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the documentation of several modules has in common."""

from __future__ import annotations


class ModuleDocFragment:
    """For every module that asks the cluster's API; INSTANCE for one that is about an instance."""

    DOCUMENTATION = r"""
requirements:
  - the Python library kubernetes, 24.2.0 or newer, 37.0.2 for example
  - none of its versions 32.0.0, 35.x and 36.0.0, with which kubernetes.core fails
options: {}
"""

    INSTANCE = r"""
options:
  name:
    description: Name of the instance.
    type: str
    required: true
  namespace:
    description: Namespace of the instance.
    type: str
    required: true
  owner_labels:
    description: Labels that mark an object as this instance's. Others are neither changed nor removed.
    type: dict
    required: true
"""
