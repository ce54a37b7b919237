#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: verify
short_description: Checks a running server over HTTP
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Sends requests through the API server, which proxies them to the Service. So it works wherever the cluster's API is
    reachable, and creates no pod.
  - It makes all checks, and fails if any of them failed.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
  - varasys.zddc.api.instance
  - varasys.zddc.internal
options:
  timeout:
    description: Seconds within which the server has to answer a request.
    type: int
    default: 10
attributes:
  check_mode:
    support: full
    description: It only reads, so it does the same in check mode.
"""

EXAMPLES = r"""
- name: Check the server
  varasys.zddc.verify:
    name: zddc-server-prod
    namespace: documents
    owner_labels:
      app.kubernetes.io/instance: zddc-server-prod
      app.kubernetes.io/managed-by: varasys.zddc
"""

RETURN = r"""
checks:
  description: The checks and their results.
  type: list
  elements: dict
  returned: when the cluster answers
  contains:
    name:
      description: What is expected.
      type: str
      sample: GET / answers 200 with HTML
    ok:
      description: Whether it holds.
      type: bool
      sample: true
    said:
      description: What was found.
      type: str
      sample: 200 text/html
    milliseconds:
      description: How long the check took.
      type: int
      sample: 12
reason:
  description: Why it failed, in one word (see the notes).
  type: str
  returned: when the cluster is the cause of a failure
  sample: away
"""

import json
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.cluster import history
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Answer, Api, Caller, connect, path_of, selector
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError, Problem
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.module_utils.names import GIT_COMMIT, PREFIX
from ansible_collections.varasys.zddc.plugins.module_utils.running import INSTANCE_ARG_SPEC, run

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {**INSTANCE_ARG_SPEC, "timeout": {"type": "int", "default": 10}}


def is_page(answer: Answer) -> bool:
    return answer.status == 200 and answer.content_type == "text/html" and bool(answer.text.strip())


def is_listing(answer: Answer) -> bool:
    try:
        return answer.status == 200 and isinstance(json.loads(answer.text), (dict, list))
    except ValueError:
        return False


def is_refusal(answer: Answer) -> bool:
    return answer.status in (401, 403, 404)


REQUESTS: tuple[tuple[str, str, str, Callable[[Answer], bool]], ...] = (
    ("GET / answers 200 with HTML", "/", "text/html", is_page),
    ("GET / for application/json answers 200 with JSON", "/", "application/json", is_listing),
    ("GET /.zddc.d/ is refused", "/.zddc.d/", "text/html", is_refusal),
)


def ask(api: Api, base: str, name: str, path: str, accept: str, holds: Callable[[Answer], bool]) -> Object:
    """Send a request to the server, and return the check."""
    begin = time.monotonic()
    try:
        answer = api.ask(base + path, accept)
        ok, said = holds(answer), f"{answer.status} {answer.content_type}"
    except ApiError as error:
        ok, said = False, f"no answer from the server: the cluster {error.what}"
    return {"name": name, "ok": ok, "said": said, "milliseconds": round((time.monotonic() - begin) * 1000)}


def commit(api: Api, namespace: str, labels: dict[str, str], record: Object) -> Object:
    """Check whether every pod runs the deployed commit."""
    begin = time.monotonic()
    wanted = record["data"].get("commit", "")
    found = api.get(path_of("namespaces", namespace, "pods"), labelSelector=selector(labels))
    # Pods of a build have no commit.
    served = [item for item in found["items"] if "batch.kubernetes.io/job-name" not in item["metadata"].get("labels", {})]
    commits = {
        item["metadata"].get("annotations", {}).get(GIT_COMMIT, "none")
        for item in served
        if not item["metadata"].get("deletionTimestamp") and item["status"].get("phase") in ("Pending", "Running")
    }
    return {
        "name": f"every pod runs commit {wanted[:12]}",
        "ok": commits == {wanted},
        "said": ", ".join(sorted(one[:12] for one in commits)) or "there is no pod",
        "milliseconds": round((time.monotonic() - begin) * 1000),
    }


def work(caller: Caller) -> Object:
    options = caller.params
    name, namespace, labels = options["name"], options["namespace"], options["owner_labels"]
    where = f"{name} in namespace {namespace}"
    api = connect(caller, PREFIX, options["timeout"])
    with api.about(where):
        records = history.read(api, namespace, labels)
        if not records:
            raise history.no_record(where)
        base = path_of("namespaces", namespace, "services", f"http:{name}:http", "proxy")
        checks = [commit(api, namespace, labels, records[-1]), *(ask(api, base, *request) for request in REQUESTS)]
    if wrong := [f"{one['name']}: failed, {one['said']}" for one in checks if not one["ok"]]:
        advice = "Check it with the playbook varasys.zddc.status, and deploy it again if it is stopped or was changed."
        raise Problem("\n- ".join([f"{where} did not pass all checks:", *wrong]) + f"\n{advice}", checks=checks)
    return {"checks": checks}


def main() -> None:
    run(work, ARGUMENT_SPEC)


if __name__ == "__main__":
    main()
