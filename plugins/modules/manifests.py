#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: manifests
short_description: Renders the manifests of an instance
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Renders the objects of an instance, the Job that builds before a rollout, or the Jobs that unmount after one.
  - It runs on the controller, in Ansible's own process, without requests to a cluster or a repository.
extends_documentation_fragment:
  - varasys.zddc.internal
options:
  instance:
    description: The instance, as P(varasys.zddc.instance#module) returns it.
    type: dict
    required: true
  source:
    description: What is deployed. Needed for the objects.
    type: dict
    suboptions:
      commit:
        description: The full commit.
        type: str
        required: true
      at:
        description: When the commit was looked up.
        type: str
      signature:
        description: Who signed it, as P(varasys.zddc.signature#module) returns it.
        type: dict
  deployment:
    description: A Deployment, to render the Job that builds what its pods would build at their start.
    type: dict
  mounted:
    description:
      - Pods of a release that have left mounts on their nodes, as P(varasys.zddc.helm_release_info#module) returns them. Needed
        for the Jobs that undo these mounts.
    type: list
    elements: dict
  folder:
    description:
      - Folder on the controller to write the objects to, one file each. Files of an earlier rendering that are no longer wanted
        are removed, all other files stay.
    type: path
attributes:
  action:
    support: full
    description: It is only an action plugin.
  check_mode:
    support: full
    description: It reports which files it would write, and writes none.
  diff_mode:
    support: full
    description: A difference for each file.
"""

EXAMPLES = r"""
- name: Render
  varasys.zddc.manifests:
    instance: "{{ checked.instance }}"
    source: {commit: 0123456789abcdef0123456789abcdef01234567}
  register: rendered
"""

RETURN = r"""
manifests:
  description: The objects in the order in which they are applied, or only the Jobs.
  type: list
  elements: dict
  returned: success
  sample: []
"""
