#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: build
short_description: Runs a build Job, and waits until it has built
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Creates the Job, and waits until its pod has finished.
  - If a Job of that name already runs, for example because an earlier run was killed, it waits for that one. A Job that has
    ended, or whose pod cannot finish, is created again. Other running Jobs with the labels are removed.
  - Fails as soon as the pod cannot finish, and reports why, with the last lines of the failed container's log, the events
    and the next step.
  - Temporary failures of the cluster are retried for O(outage_timeout).
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
  - varasys.zddc.api.waiting
  - varasys.zddc.api.outage
  - varasys.zddc.internal
options:
  name:
    description: The instance that it builds for, named in each line of the progress.
    type: str
    required: true
  definition:
    description: The Job as a full manifest, with a namespace.
    type: dict
    required: true
  labels:
    description: Labels of all Jobs that build for the same instance.
    type: dict
    required: true
  interval:
    description: Seconds between two polls.
    type: float
    default: 0.5
  note:
    description: A sentence about what a failure does not change, added to its message.
    type: str
    default: ""
attributes:
  action:
    support: partial
    description: On the controller, an action plugin shows the lines of O(progress) as they appear.
  check_mode:
    support: full
    description: In check mode it creates no Job, and does not wait.
"""

EXAMPLES = r"""
- name: Build
  varasys.zddc.build:
    name: zddc-server-prod
    definition: "{{ lookup('ansible.builtin.file', 'job.yaml') | from_yaml }}"
    labels:
      app.kubernetes.io/name: zddc-server-build
      app.kubernetes.io/instance: zddc-server-prod
"""

RETURN = r"""
job:
  description: Name of the Job.
  type: str
  returned: success, and when the build failed
  sample: zddc-server-prod-build-3f1c2d9a77
record:
  description: The record that the build wrote. Empty if it wrote none.
  type: dict
  returned: success
  sample: {commit: 0123456789abcdef0123456789abcdef01234567, go: go1.24.4, sha256: 5c2e}
seconds:
  description: How long it took.
  type: float
  returned: when it waited
  sample: 21.3
cause:
  description: Why it failed, in one line.
  type: str
  returned: when the build failed
  sample: "pod zddc-server-prod-build-3f1c2d9a77-x2x4k: container build failed: ./main.go:12:3: undefined: listen"
container:
  description: The container that failed, empty if none did.
  type: str
  returned: when the build failed
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
  returned: when the build failed
  sample: []
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
events:
  description: The latest events of what failed, at most 10, the oldest first; repeated events are counted.
  type: list
  elements: str
  returned: when the build failed
  sample: []
kept:
  description: Path of the folder with logs and events. Empty without O(keep), and if it could not be written.
  type: str
  returned: when the build failed
  sample: /home/ada/.ansible/varasys.zddc/failures/documents-zddc-server-prod-20261123T100544Z
"""

from datetime import timedelta
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Caller, selector
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.module_utils.running import run
from ansible_collections.varasys.zddc.plugins.module_utils.source.build_record import built
from ansible_collections.varasys.zddc.plugins.module_utils.watch import job
from ansible_collections.varasys.zddc.plugins.module_utils.watch.waiting import WAITING_ARG_SPEC, Wait

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    **WAITING_ARG_SPEC,
    "name": {"type": "str", "required": True},
    "definition": {"type": "dict", "required": True},
    "labels": {"type": "dict", "required": True},
    "interval": {"type": "float", "default": 0.5},
    "note": {"type": "str", "default": ""},
}


def work(caller: Caller) -> Object:
    options = caller.params
    metadata = options["definition"]["metadata"]
    name, namespace = metadata["name"], metadata["namespace"]
    what = f"Job {name} in namespace {namespace}"
    if caller.check_mode:
        return {"changed": True, "job": name, "record": {}, "msg": f"Check mode: {what} was not created."}
    wait = Wait(caller, what, namespace, "Check the rights of this user and the cluster.", options["note"])
    patience = timedelta(seconds=options["unschedulable_timeout"])
    with wait.told():
        running = job.start(wait.api, options["definition"], selector(options["labels"]))
        verdict = wait.follow(job.follow(wait.api, running, options["timeout"], options["interval"], patience), "built")
    result = {"job": name, "seconds": wait.seconds}
    if verdict.done:
        record = next(filter(None, (built(pod.seen) for pod in verdict.pods)), {})
        return {"changed": True, "record": record, **result}
    raise wait.failed(verdict.failure or job.timed_out(verdict, running, f"after {wait.seconds:.0f} s"), verdict, result)


def main() -> None:
    run(work, ARGUMENT_SPEC)


if __name__ == "__main__":
    main()
