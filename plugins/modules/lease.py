#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: lease
short_description: Keeps other runs off an instance, by a Lease in the cluster
version_added: 0.1.0
author: varasys.zddc contributors
description:
  - Takes a Lease, or gives it up. One holder has it at a time.
  - It ends by itself O(seconds) after it was taken or renewed, so that a run which was killed keeps nobody off for long.
    The module P(varasys.zddc.rollout#module) renews it while it waits.
  - Where another holds it, the module waits until it is given up or has ended.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
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
    description: Whether to take it, or to give it up. Only its holder gives it up.
    type: str
    choices: [held, released]
    default: held
  holder:
    description:
      - Who holds it. Needed to give it up.
      - When it is taken, the default is the user, the host and a number of this run.
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

- name: Let them go on
  varasys.zddc.lease:
    name: zddc-server-prod
    namespace: documents
    state: released
    holder: "{{ lease.holder }}"
"""

RETURN = r"""
holder:
  description: Who holds it, or has held it.
  type: str
  returned: success
  sample: ada@controller 4f1d0c2a
waited:
  description: Seconds that another run was waited for.
  type: float
  returned: success
  sample: 0.0
"""

import getpass
import secrets
import socket
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC
from ansible_collections.varasys.zddc.plugins.module_utils.api import Api, ApiError, ConnectionProblem, connect
from ansible_collections.varasys.zddc.plugins.module_utils.lease import release, take


def hold(module: AnsibleModule, api: Api) -> None:
    options, begin = module.params, time.monotonic()
    name, namespace = options["name"], options["namespace"]
    holder = options["holder"] or f"{getpass.getuser()}@{socket.gethostname()} {secrets.token_hex(4)}"
    while held := take(api, namespace, name, holder, options["seconds"], options["labels"]):
        waited = time.monotonic() - begin
        if waited >= options["wait"]:
            since = f" since {held.since[:19]}Z" if held.since else ""
            module.fail_json(
                msg=f"Another run works on this: {held.holder} holds the Lease {name} in namespace {namespace}{since}. "
                f"Waited {waited:.0f} s for it. Nothing was changed. Run this again when that run has ended; if it was "
                f"killed, its Lease ends within {held.left:.0f} s."
            )
        time.sleep(min(1.0, held.left, options["wait"] - waited))
    module.exit_json(changed=True, holder=holder, waited=round(time.monotonic() - begin, 1))


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **AUTH_ARG_SPEC,
            "name": {"type": "str", "required": True},
            "namespace": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["held", "released"], "default": "held"},
            "holder": {"type": "str"},
            "seconds": {"type": "int", "default": 30},
            "wait": {"type": "int", "default": 120},
            "labels": {"type": "dict", "default": {}},
        },
        required_if=[("state", "released", ["holder"])],
        supports_check_mode=True,
    )
    options = module.params
    if module.check_mode:
        module.exit_json(changed=False, holder=options["holder"] or "", waited=0.0)
    try:
        api = connect(module)
        if options["state"] == "held":
            hold(module, api)
        changed = release(api, options["namespace"], options["name"], options["holder"])
    except ConnectionProblem as problem:
        module.fail_json(msg=str(problem))
    except ApiError as error:
        what = f"Lease {options['name']!r} in namespace {options['namespace']!r}"
        module.fail_json(msg=f"{what}: the cluster at {api.address} {error.what}. {error.advice}".rstrip())
    module.exit_json(changed=changed, holder=options["holder"], waited=0.0)


if __name__ == "__main__":
    main()
