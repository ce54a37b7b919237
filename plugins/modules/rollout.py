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
  - varasys.zddc.api
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
  keep:
    description: A folder in which a failure makes one of its own, for this user alone, with the events and the logs
      of the pods that did not become ready, without the lines that are never shown. It is on the machine that the module
      runs on. Nothing is removed from it.
    type: path
  lease:
    description: A Lease to renew while it waits, as P(varasys.zddc.lease#module) took it. It fails where another has
      taken it meanwhile.
    type: dict
    suboptions:
      name:
        description: Name of the Lease, in the same namespace.
        type: str
        required: true
      holder:
        description: Who holds it.
        type: str
        required: true
      seconds:
        description: Seconds after which it ends unless it is renewed.
        type: int
        default: 30
  variables:
    description: The names of the variables that decide how a container fares, by the container's name, to be named when
      it fails. Those under an empty name are for a pod of which no container failed.
    type: dict
    default: {}
  progress:
    description:
      - A file to which a line is added for each stage that the rollout reaches, with the seconds since the first look.
        A stage that lasts is told again every 10 s if there is news, the last line of an init container's log or an
        event that says what is wrong. The log of a container that serves is never shown.
      - Without it, the lines are shown while the task runs, if it runs on the controller itself, neither with C(async)
        nor with C(become) nor with C(no_log). They go to the standard error, and not beside a callback that prints JSON.
    type: path
  stages:
    description: What a container does, by its name, in the words of O(progress). A container that does several things
      says so by lines that begin with such a name and a colon. Others are C(running NAME) or C(starting NAME).
    type: dict
    default: {}
attributes:
  action:
    support: partial
    description: On the controller, an action plugin shows the lines of O(progress) while they come.
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

- name: Wait for another, and say what its containers do
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
kept:
  description: Path of the folder with logs and events. Empty without O(keep), and where it could not be written.
  type: str
  returned: when it failed
  sample: /home/ada/.ansible/varasys.zddc/failures/documents-zddc-server-prod-20261123T100544Z
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

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC
from ansible_collections.varasys.zddc.plugins.module_utils.api import Api, ApiError, ConnectionProblem, connect
from ansible_collections.varasys.zddc.plugins.module_utils.kept import keep
from ansible_collections.varasys.zddc.plugins.module_utils.progress import Progress
from ansible_collections.varasys.zddc.plugins.module_utils.rollout import (
    Verdict,
    cause,
    evidence,
    follow,
    report,
    timed_out,
)
from ansible_collections.varasys.zddc.plugins.module_utils.waiting import LEASE, LostLease, Renewal, kubectl, writer


def wait(module: AnsibleModule, api: Api, begin: float) -> None:
    options = module.params
    verdict = Verdict(False, None, "")
    at_each_look: list[Callable[[Verdict], None]] = []
    if options["lease"]:
        at_each_look.append(Renewal(api, options["namespace"], **options["lease"]).look)
    if options["progress"]:
        at_each_look.append(Progress(api, options["namespace"], options["stages"], writer(options["progress"])).look)
    namespace, name = options["namespace"], options["name"]
    patience = timedelta(seconds=options["unschedulable_timeout"])
    for verdict in follow(api, namespace, name, options["timeout"], options["interval"], patience):
        for call in at_each_look:
            call(verdict)
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
    variables = options["variables"].get(failure.container)
    kept, note = "", ""
    if options["keep"]:
        try:
            kept = keep(api, namespace, name, failure, verdict.pods, options["keep"])
            note = f"logs and events are kept in {kept}"
        except OSError as error:
            note = f"Logs and events could not be kept: {error.filename}: {error.strerror}."
    module.fail_json(msg=report(failure, found, kubectl(options), variables, note), kept=kept, **result)


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
            "keep": {"type": "path"},
            "lease": LEASE,
            "variables": {"type": "dict", "default": {}},
            "progress": {"type": "path"},
            "stages": {"type": "dict", "default": {}},
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
    if progress := module.params["progress"]:
        try:
            open(progress, "a", encoding="utf-8").close()
        except OSError as error:
            module.fail_json(
                msg=f"progress: {progress} cannot be written: {error.strerror}. Name another file.", waited=False
            )
    begin = time.monotonic()
    try:
        api = connect(module)
        wait(module, api, begin)
    except ConnectionProblem as problem:
        module.fail_json(msg=str(problem), waited=False)
    except LostLease as lost:
        module.fail_json(
            msg=f"Deployment {name} in namespace {namespace}: {lost} works on it too, and has taken the Lease over. "
            "Run this again when that run has ended.",
            waited=True,
        )
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
