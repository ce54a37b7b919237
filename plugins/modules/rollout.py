#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout
short_description: Waits until the newest revision of a Deployment, and only it, serves
version_added: 0.1.0
author: varasys.zddc contributors
description:
  - Waits until all wanted pods of the newest revision are available and no container of an older pod runs, also with
    the strategy C(Recreate).
  - Fails as soon as a pod of the newest revision cannot come up by itself, and says why, with the last lines of the
    failed container's log, the pod's events and the next step. A failed container is not given time for another try.
  - Lines that may hold request headers are left out of the log of a container that serves. Init containers are shown
    whole.
  - Failures of the cluster that may pass are bridged until O(timeout).
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
requirements:
  - the Python library kubernetes, 24.2.0 or newer, 37.0.2 for example
  - none of its versions 32.0.0, 35.x and 36.0.0, with which kubernetes.core fails
options:
  name:
    description: Name of the Deployment.
    type: str
    required: true
  namespace:
    description: Namespace of the Deployment.
    type: str
    required: true
  timeout:
    description: Seconds to wait at most.
    type: int
    default: 600
  interval:
    description: Seconds between two looks.
    type: float
    default: 1
  unschedulable_timeout:
    description: Seconds that a pod may find no node for. Raise it where nodes are added on demand.
    type: int
    default: 10
  log_lines:
    description: How many of the last lines of a failed container's log to show.
    type: int
    default: 40
  variables:
    description: The names of the variables that decide how a container fares, by the container's name, to be named when
      it fails. Those under an empty name are for a pod of which no container failed.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: It changes nothing. In check mode it does not wait, since nothing was applied that could roll out.
"""

EXAMPLES = r"""
- name: Wait for the Deployment
  varasys.zddc.rollout:
    name: zddc-server-prod
    namespace: documents
    timeout: 300
"""

RETURN = r"""
waited:
  description: Whether the cluster was asked at all; not in check mode.
  type: bool
  returned: always
  sample: true
revision:
  description: Revision of the newest ReplicaSet, empty while there is none.
  type: str
  returned: when waited
  sample: "3"
replicas:
  description: How many pods there are of the newest revision.
  type: dict
  returned: when waited
  contains:
    wanted:
      description: How many the Deployment wants.
      type: int
      sample: 1
    updated:
      description: How many are made.
      type: int
      sample: 1
    ready:
      description: How many pods of any revision are ready.
      type: int
      sample: 1
    available:
      description: How many pods of any revision are available.
      type: int
      sample: 1
pods:
  description: The pods of the Deployment, those furthest behind first.
  type: list
  elements: dict
  returned: when waited
  contains:
    name:
      description: Name of the pod.
      type: str
      sample: zddc-server-prod-7d4b9c6f5-x2x4k
    ready:
      description: Whether it serves.
      type: bool
      sample: true
    restarts:
      description: How often its containers were started again.
      type: int
      sample: 0
    stage:
      description: Where it stands, in words.
      type: str
      sample: ready
cause:
  description: Why it failed, in one line. Empty on success.
  type: str
  returned: when waited
  sample: "pod zddc-server-prod-7d4b9c6f5-x2x4k: container build failed: ./main.go:12:3: undefined: listen"
container:
  description: The container that failed, empty where it is none.
  type: str
  returned: when waited
  sample: build
exit_code:
  description: How the container ended.
  type: int
  returned: when a container ended
  sample: 1
log:
  description: The last lines of that container's log.
  type: list
  elements: str
  returned: when waited
  sample: []
events:
  description: The latest events of what failed, at most 10, the oldest first; the same again is only counted.
  type: list
  elements: str
  returned: when waited
  sample: []
seconds:
  description: How long it waited.
  type: float
  returned: when waited
  sample: 27.4
"""

import shlex
import time
from collections import deque
from datetime import timedelta
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC
from ansible_collections.varasys.zddc.plugins.module_utils.api import Api, ApiError, ConnectionProblem, connect
from ansible_collections.varasys.zddc.plugins.module_utils.rollout import (
    cause,
    evidence,
    follow,
    report,
    timed_out,
)


def kubectl(params: dict[str, Any]) -> str:
    """The command that reaches the same cluster and namespace."""
    given = {name: params[name] for name in ("kubeconfig", "context", "namespace") if isinstance(params[name], str)}
    return shlex.join(["kubectl", *(part for name, value in given.items() if value for part in (f"--{name}", value))])


def wait(module: AnsibleModule, api: Api, begin: float) -> None:
    options = module.params
    namespace, name = options["namespace"], options["name"]
    patience = timedelta(seconds=options["unschedulable_timeout"])
    verdict = deque(follow(api, namespace, name, options["timeout"], options["interval"], patience), maxlen=1).pop()
    seconds = round(time.monotonic() - begin, 1)
    result: dict[str, Any] = {
        "waited": True,
        "revision": verdict.revision,
        "replicas": verdict.replicas,
        "pods": [pod.public() for pod in verdict.pods],
        "seconds": seconds,
    }
    if verdict.done:
        module.exit_json(changed=False, cause="", container="", log=[], events=[], **result)
    failure = verdict.failure or timed_out(verdict, name, f"after {seconds:.0f} s")
    found = evidence(api, namespace, failure, options["log_lines"])
    result |= {"cause": cause(failure, found), "container": failure.container, "log": found.log, "events": found.events}
    if failure.exit_code is not None:
        result["exit_code"] = failure.exit_code
    module.fail_json(msg=report(failure, found, kubectl(options), options["variables"].get(failure.container)), **result)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **AUTH_ARG_SPEC,
            "name": {"type": "str", "required": True},
            "namespace": {"type": "str", "required": True},
            "timeout": {"type": "int", "default": 600},
            "interval": {"type": "float", "default": 1},
            "unschedulable_timeout": {"type": "int", "default": 10},
            "log_lines": {"type": "int", "default": 40},
            "variables": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    namespace, name = module.params["namespace"], module.params["name"]
    if module.check_mode:
        module.exit_json(
            changed=False, waited=False, msg=f"Check mode: the rollout of Deployment {name} was not waited for."
        )
    for option, least in (("timeout", 1), ("interval", 0.1), ("unschedulable_timeout", 0), ("log_lines", 0)):
        if module.params[option] < least:
            module.fail_json(msg=f"{option} must be {least} at least. Raise it.", waited=False)
    begin = time.monotonic()
    try:
        api = connect(module)
        wait(module, api, begin)
    except ConnectionProblem as problem:
        module.fail_json(msg=str(problem), waited=False)
    except ApiError as error:
        seconds = time.monotonic() - begin
        advice = error.advice or "Check the name, the namespace and the cluster."
        module.fail_json(
            msg=f"Deployment {name} in namespace {namespace}: the cluster at {api.address} {error.what}, "
            f"after {seconds:.0f} s. {advice}",
            waited=True,
            seconds=round(seconds, 1),
        )


if __name__ == "__main__":
    main()
