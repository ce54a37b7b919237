#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: build
short_description: Runs a Job that builds, and waits until it has built
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Creates the Job, and waits until its pod has done its work.
  - A Job of that name that runs already, since an earlier run was killed for example, is waited for in its place. One that
    has ended is made anew. Others that the labels find and that still run are removed.
  - Fails as soon as the pod cannot do its work, and says why, with the last lines of the failed container's log, the
    events and the next step.
  - Failures of the cluster that may pass are bridged for O(outage_timeout).
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
  - varasys.zddc.api.waiting
  - varasys.zddc.api.outage
  - varasys.zddc.internal
options:
  name:
    description: What it builds for, to be named in each line of the progress.
    type: str
    required: true
  definition:
    description: The Job as a full manifest, with a namespace.
    type: dict
    required: true
  labels:
    description: Labels of all Jobs that build for the same.
    type: dict
    required: true
  interval:
    description: Seconds between two looks.
    type: float
    default: 0.5
  note:
    description: What a failure does not change, in a sentence that is told with it.
    type: str
    default: ""
attributes:
  action:
    support: partial
    description: On the controller, an action plugin shows the lines of O(progress) while they come.
  check_mode:
    support: full
    description: In check mode no Job is made, and nothing is waited for.
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
  description: What the build says of itself. Empty where it says nothing.
  type: dict
  returned: success
  sample: {commit: 0123456789abcdef0123456789abcdef01234567, go: go1.24.4, sha256: 5c2e}
seconds:
  description: How long it took.
  type: float
  returned: when waited
  sample: 21.3
cause:
  description: Why it failed, in one line.
  type: str
  returned: when the build failed
  sample: "pod zddc-server-prod-build-3f1c2d9a77-x2x4k: container build failed: ./main.go:12:3: undefined: listen"
container:
  description: The container that failed, empty where it is none.
  type: str
  returned: when the build failed
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
  returned: when the build failed
  sample: []
reason:
  description: Why it failed, in a word, as the notes say.
  type: str
  returned: when the cluster or the Lease is why it failed
  sample: away
outage:
  description: What to tell of a cluster that is away.
  type: str
  returned: when RV(reason) is V(away)
  sample: The cluster no longer answers. Waited 60 s for it (zddc_server_outage_timeout).
events:
  description: The latest events of what failed, at most 10, the oldest first; the same again is only counted.
  type: list
  elements: str
  returned: when the build failed
  sample: []
kept:
  description: Path of the folder with logs and events. Empty without O(keep), and where it could not be written.
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
        return {"changed": True, "job": name, "record": {}, "msg": f"Check mode: {what} was not made."}
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
