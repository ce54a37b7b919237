#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: record
short_description: Notes in the history how a revision fared
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Writes the result into the revision's record, by P(varasys.zddc.apply#module).
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
  - varasys.zddc.api.outage
  - varasys.zddc.internal
options:
  name:
    description: Name of the record, as P(varasys.zddc.plan#module) gives it.
    type: str
    required: true
  namespace:
    description: Namespace of the instance.
    type: str
    required: true
  result:
    description: How it fared.
    type: str
    choices: [served, failed]
    required: true
  cause:
    description: Why it failed. The first line is noted, its first 500 characters at most.
    type: str
    default: ""
attributes:
  action:
    support: full
    description: It is an action plugin alone.
  async:
    support: none
    description: It waits itself.
  check_mode:
    support: full
    description: It notes nothing.
"""

EXAMPLES = r"""
- name: Note that it serves
  varasys.zddc.record:
    name: zddc-server-prod-v3
    namespace: documents
    result: served
"""

RETURN = r"""
reason:
  description: Why it could not be noted, in a word, as the notes say.
  type: str
  returned: failure
  sample: away
"""
