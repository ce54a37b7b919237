#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout
short_description: Waits until the newest revision of a Deployment, and only it, serves
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Waits until all wanted pods of the newest revision are available and no container of an older pod runs, also with
    the strategy C(Recreate).
  - Fails as soon as a pod of the newest revision cannot become ready on its own, and reports why, with the last lines of the
    failed container's log, the pod's events and the next step. It does not wait for a failed container to restart.
  - Lines that may hold request headers are left out of the log of a container that serves. Init containers are shown
    whole.
  - Temporary failures of the cluster are retried for O(outage_timeout).
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
  - varasys.zddc.api.waiting
  - varasys.zddc.api.outage
  - varasys.zddc.internal
options:
  name:
    description: Name of the Deployment.
    type: str
    required: true
  namespace:
    description: Namespace of the Deployment.
    type: str
    required: true
  interval:
    description: Seconds between two polls.
    type: float
    default: 1
  beside_old:
    description: Wait only until all pods of the newest revision are ready. Older ones may continue to serve beside them.
    type: bool
    default: false
attributes:
  action:
    support: partial
    description: On the controller, an action plugin shows the lines of O(progress) as they appear.
  check_mode:
    support: full
    description: It changes nothing. In check mode it does not wait, since nothing was applied.
"""

EXAMPLES = r"""
- name: Wait for the Deployment
  varasys.zddc.rollout:
    name: zddc-server-prod
    namespace: documents
    timeout: 300

- name: Wait for another, and name the stages of its containers
  varasys.zddc.rollout:
    name: web
    namespace: shop
    stages:
      migrate: migrating the database
      web: starting
# web:   0 s  scheduled on node-2
# web:   1 s  migrating the database
# web:  12 s  migrating the database: 14 of 20 tables
# web:  18 s  starting
# web:  20 s  ready
"""

RETURN = r"""
waited:
  description: Whether it waited; false in check mode.
  type: bool
  returned: success
  sample: true
revision:
  description: Revision of the newest ReplicaSet, empty if there is none yet.
  type: str
  returned: when the rollout was judged
  sample: "3"
replicas:
  description: The numbers of pods.
  type: dict
  returned: when the rollout was judged
  contains:
    wanted:
      description: How many pods the Deployment wants.
      type: int
      sample: 1
    updated:
      description: How many pods of the newest revision exist.
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
  returned: when the rollout was judged
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
      description: How often its containers were restarted.
      type: int
      sample: 0
    stage:
      description: Its stage, in words.
      type: str
      sample: ready
cause:
  description: Why it failed, in one line. Empty on success.
  type: str
  returned: when the rollout was judged
  sample: "pod zddc-server-prod-7d4b9c6f5-x2x4k: container build failed: ./main.go:12:3: undefined: listen"
container:
  description: The container that failed, empty if none did.
  type: str
  returned: when the rollout was judged
  sample: build
exit_code:
  description: The container's exit code.
  type: int
  returned: when a container ended
  sample: 1
log:
  description: The last lines of that container's log.
  type: list
  elements: str
  returned: when the rollout was judged
  sample: []
kept:
  description: Path of the folder with logs and events. Empty without O(keep), and if it could not be written.
  type: str
  returned: when it failed
  sample: /home/ada/.ansible/varasys.zddc/failures/documents-zddc-server-prod-20261123T100544Z
events:
  description: The latest events of what failed, at most 10, the oldest first; repeated events are counted.
  type: list
  elements: str
  returned: when the rollout was judged
  sample: []
seconds:
  description: How long it waited.
  type: float
  returned: when the rollout was judged, and when the cluster no longer answers
  sample: 27.4
reason:
  description: Why it failed, in one word (see the notes).
  type: str
  returned: when the cluster or the Lease is why it failed
  sample: away
outage:
  description: The message about a cluster that does not answer.
  type: str
  returned: when RV(reason) is V(away)
  sample: The cluster no longer answers. Waited 60 s for it (zddc_server_outage_timeout).
"""

from datetime import timedelta
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Caller
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import Problem
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.module_utils.running import run
from ansible_collections.varasys.zddc.plugins.module_utils.watch.rollout import follow, timed_out
from ansible_collections.varasys.zddc.plugins.module_utils.watch.waiting import WAITING_ARG_SPEC, Wait

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    **WAITING_ARG_SPEC,
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "interval": {"type": "float", "default": 1},
    "beside_old": {"type": "bool", "default": False},
}


def work(caller: Caller) -> Object:
    options = caller.params
    namespace, name = options["namespace"], options["name"]
    if caller.check_mode:
        return {"waited": False, "msg": f"Check mode: the rollout of Deployment {name} was not waited for."}
    for option, least in (("timeout", 1), ("interval", 0.1), ("unschedulable_timeout", 0), ("log_lines", 0)):
        if options[option] < least:
            raise Problem(f"{option} must be at least {least}. Raise it.")
    if progress := options["progress"]:
        try:
            open(progress, "a", encoding="utf-8").close()
        except OSError as error:
            raise Problem(f"progress: {progress} cannot be written: {error.strerror}. Name another file.") from None
    what, advice = f"Deployment {name} in namespace {namespace}", "Check the name, the namespace and the cluster."
    wait, patience = Wait(caller, what, namespace, advice), timedelta(seconds=options["unschedulable_timeout"])
    with wait.told():
        looks = follow(wait.api, namespace, name, options["timeout"], options["interval"], patience, options["beside_old"])
        verdict = wait.follow(looks)
    result = {
        "waited": True,
        "revision": verdict.revision,
        "replicas": verdict.replicas,
        "pods": [pod.public() for pod in verdict.pods],
        "seconds": wait.seconds,
    }
    if verdict.done:
        return {"cause": "", "container": "", "log": [], "events": [], **result}
    raise wait.failed(verdict.failure or timed_out(verdict, name, f"after {wait.seconds:.0f} s"), verdict, result)


def main() -> None:
    run(work, ARGUMENT_SPEC)


if __name__ == "__main__":
    main()
