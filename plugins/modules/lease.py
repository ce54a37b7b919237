#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: lease
short_description: Keeps other runs off an instance with a Lease in the cluster
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Takes or releases a Lease. Only one run at a time holds it.
  - It ends on its own O(seconds) after it was taken or renewed, so that a killed run does not block others for long.
    The modules P(varasys.zddc.rollout#module) and P(varasys.zddc.build#module) renew it while they wait.
  - If another run holds it, the module waits until it is released or has ended.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
  - varasys.zddc.api.outage
  - varasys.zddc.internal
options:
  name:
    description: Name of the Lease.
    type: str
    required: true
  namespace:
    description: Namespace of the Lease.
    type: str
    required: true
  state:
    description: Whether to take or to release it. Only its holder releases it. A release does not wait for an outage to end,
      since the Lease ends on its own.
    type: str
    choices: [held, released]
    default: held
  holder:
    description:
      - The holder. Needed to release it.
      - To take it, the default is the user, the host and a number of this run.
    type: str
  seconds:
    description: Seconds after which it ends unless it is renewed.
    type: int
    default: 30
  wait:
    description: Seconds to wait for another holder.
    type: int
    default: 120
  labels:
    description: Labels of the Lease.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: It does nothing.
"""

EXAMPLES = r"""
- name: Keep other runs off
  varasys.zddc.lease:
    name: zddc-server-prod
    namespace: documents
  register: lease

- name: Let them continue
  varasys.zddc.lease:
    name: zddc-server-prod
    namespace: documents
    state: released
    holder: "{{ lease.holder }}"
"""

RETURN = r"""
holder:
  description: Who holds or held it.
  type: str
  returned: success
  sample: ada@controller 4f1d0c2a
waited:
  description: Seconds that it waited for another run.
  type: float
  returned: success
  sample: 0.0
reason:
  description: Why it failed, in one word (see the notes).
  type: str
  returned: failure
  sample: lost_lease
"""

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.lease import ARGUMENT_SPEC, CONDITIONS, held_or_released
from ansible_collections.varasys.zddc.plugins.module_utils.running import run


def main() -> None:
    run(held_or_released, ARGUMENT_SPEC, **CONDITIONS)


if __name__ == "__main__":
    main()
