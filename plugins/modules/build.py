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
  returned: always
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

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Api, connect
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError, ConnectionProblem
from ansible_collections.varasys.zddc.plugins.module_utils.source import build_record
from ansible_collections.varasys.zddc.plugins.module_utils.watch import job
from ansible_collections.varasys.zddc.plugins.module_utils.watch.progress import Progress
from ansible_collections.varasys.zddc.plugins.module_utils.watch.rollout import Verdict
from ansible_collections.varasys.zddc.plugins.module_utils.watch.waiting import (
    WAITING_ARG_SPEC,
    LostLease,
    Renewal,
    tell,
    writer,
)


def build(module: AnsibleModule, api: Api, begin: float) -> None:
    options, definition = module.params, module.params["definition"]
    namespace = definition["metadata"]["namespace"]
    selector = ",".join(f"{key}={value}" for key, value in options["labels"].items())
    running = job.start(api, definition, selector)
    verdict = Verdict(False, None, "")
    at_each_look: list[Callable[[Verdict], None]] = []
    if options["lease"]:
        at_each_look.append(Renewal(api, namespace, **options["lease"]).look)
    progress = None
    if options["progress"]:
        progress = Progress(api, namespace, options["stages"], writer(options["progress"]))
        at_each_look.append(progress.look)
        api.when_away = progress.tell_away
    patience = timedelta(seconds=options["unschedulable_timeout"])
    for verdict in job.follow(api, running, options["timeout"], options["interval"], patience):
        for call in at_each_look:
            call(verdict)
    seconds = round(time.monotonic() - begin, 1)
    result: dict[str, Any] = {"job": running["metadata"]["name"], "seconds": seconds}
    if verdict.done:
        if progress:
            progress.tell(api.now, "built", "built")
        module.exit_json(changed=True, record=build_record.parse(job.said(verdict, "build")), **result)
    failure = verdict.failure or job.timed_out(verdict, running, f"after {seconds:.0f} s")
    tell(module, api, namespace, failure, verdict.pods, result, options["note"])


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **AUTH_ARG_SPEC,
            **WAITING_ARG_SPEC,
            "name": {"type": "str", "required": True},
            "definition": {"type": "dict", "required": True},
            "labels": {"type": "dict", "required": True},
            "interval": {"type": "float", "default": 0.5},
            "note": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    metadata = module.params["definition"]["metadata"]
    where = f"Job {metadata['name']} in namespace {metadata['namespace']}"
    if module.check_mode:
        module.exit_json(changed=True, job=metadata["name"], record={}, msg=f"Check mode: {where} was not made.")
    begin = time.monotonic()
    try:
        api = connect(module)
        build(module, api, begin)
    except ConnectionProblem as problem:
        module.fail_json(msg=str(problem), reason=problem.reason, job=metadata["name"])
    except LostLease as lost:
        module.fail_json(
            msg=f"{where}: {lost} works on the instance too, and has taken the Lease over. "
            f"Run this again when that run has ended. {module.params['note']}".rstrip(),
            reason=lost.reason,
            job=metadata["name"],
        )
    except ApiError as error:
        seconds = time.monotonic() - begin
        advice = error.advice or "Check the rights of this user and the cluster."
        module.fail_json(
            msg=f"{where}: the cluster at {api.address} {error.what}, after {seconds:.0f} s. {advice} "
            f"{module.params['note']}".rstrip(),
            reason=error.reason,
            job=metadata["name"],
            seconds=round(seconds, 1),
        )


if __name__ == "__main__":
    main()
