#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: record
short_description: Records in the history how a revision ended
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Writes the result into the revision's record, with P(varasys.zddc.apply#module).
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
  - varasys.zddc.api.outage
  - varasys.zddc.internal
options:
  name:
    description: Name of the record, as P(varasys.zddc.plan#module) returns it.
    type: str
    required: true
  namespace:
    description: Namespace of the instance.
    type: str
    required: true
  result:
    description: How it ended.
    type: str
    choices: [served, failed]
    required: true
  cause:
    description: Why it failed. Only the first 500 characters of its first line are recorded.
    type: str
    default: ""
attributes:
  action:
    support: full
    description: It is only an action plugin.
  async:
    support: none
    description: It waits itself.
  check_mode:
    support: full
    description: It records nothing.
"""

EXAMPLES = r"""
- name: Record that it serves
  varasys.zddc.record:
    name: zddc-server-prod-v3
    namespace: documents
    result: served
"""

RETURN = r"""
reason:
  description: Why it could not be recorded, in one word (see the notes).
  type: str
  returned: failure
  sample: away
"""
