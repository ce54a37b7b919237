#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: hosts
short_description: Lists the hosts of a play, each with its instance and its result
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Reads the results that the role has registered for each host of the play.
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
- name: Read the results of the hosts
  varasys.zddc.hosts:
  register: hosts
  run_once: true
"""

RETURN = r"""
rows:
  description: Name (C(host)), instance (C(instance)) and result (C(result)) of each host, in the order of the play.
  type: list
  elements: dict
  returned: success
  sample: []
instances:
  description: The hosts of each instance. Those without an instance are under an empty name.
  type: dict
  returned: success
  sample: {}
"""
