#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: instance
short_description: Checks the variables of the role zddc_server
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Reads every variable whose name begins with C(zddc_server_), and fails if any is wrong, with all problems in one message.
  - It runs on the controller, in Ansible's own process, without requests to a cluster or a repository.
extends_documentation_fragment:
  - varasys.zddc.internal
options: {}
attributes:
  action:
    support: full
    description: It is only an action plugin.
  check_mode:
    support: full
    description: It changes nothing.
"""

EXAMPLES = r"""
- name: Check the variables
  varasys.zddc.instance:
  register: checked
"""

RETURN = r"""
cautions:
  description: What to know before a deploy, though it prevents nothing.
  type: list
  elements: str
  returned: success
  sample: []
instance:
  description: The variables in their types, without their prefix, as C(options), and what follows from them.
  type: dict
  returned: success
  sample: {}
"""
