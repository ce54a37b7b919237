#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: history_info
short_description: Reads the history of an instance from the cluster
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - A deploy records the objects that it applies in a ControllerRevision, if they differ from the previous record. This module
    reads these records.
  - With O(revision) it also chooses one to roll back to.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
  - varasys.zddc.api.instance
options:
  revision:
    description: The revision to choose. V(0) is the last one before the newest that served. V(-1) is the newest. If there is no
      such revision, the module fails.
    type: int
attributes:
  check_mode:
    support: full
    description: It changes nothing, so it does the same in check mode.
"""

EXAMPLES = r"""
- name: Read the history
  varasys.zddc.history_info:
    name: zddc-server-prod
    namespace: documents
    owner_labels:
      app.kubernetes.io/instance: zddc-server-prod
      app.kubernetes.io/managed-by: varasys.zddc
  register: history
"""

RETURN = r"""
revisions:
  description: The records, the oldest first.
  type: list
  elements: dict
  returned: success
  contains: &record
    revision:
      description: Number of the revision.
      type: int
      sample: 3
    name:
      description: Name of the ControllerRevision.
      type: str
      sample: zddc-server-prod-v3
    created:
      description: When it was first applied.
      type: str
      sample: "2026-11-23T10:05:44Z"
    result:
      description: How that ended, C(served), C(failed), or C(unfinished) if the run did not finish.
      type: str
      sample: served
    cause:
      description: Why it failed, in one line.
      type: str
      sample: ""
    by:
      description: User and host that applied it.
      type: str
      sample: ada@controller
    mode:
      description: Mode of the instance.
      type: str
      sample: prod
    repo:
      description: The repository.
      type: str
      sample: https://codeberg.org/VARASYS/ZDDC
    ref:
      description: The requested ref.
      type: str
      sample: zddc-server-v0.0.7
    commit:
      description: The commit that the ref pointed to.
      type: str
      sample: 0123456789abcdef0123456789abcdef01234567
    short_commit:
      description: The first 12 digits of the commit.
      type: str
      sample: 0123456789ab
    outcome:
      description: Result, note and cause in one line.
      type: str
      sample: "failed: pod zddc-server-prod-797dd54b96-b2xb5: container build failed"
    note:
      description: For a rollback, the record that it restored.
      type: str
      sample: ""
    data:
      description: All that was recorded in addition to the objects.
      type: dict
      sample: {}
    objects:
      description: The applied objects.
      type: list
      elements: dict
      sample: []
    signature:
      description: Who signed it, C(signed_by), and a digest of the signers trusted then, C(trusted). Empty if not checked.
      type: dict
      sample: {}
chosen:
  description: The requested record.
  type: dict
  returned: with O(revision)
  contains: *record
reason:
  description: Why it failed, in one word (see the notes).
  type: str
  returned: when the cluster is the cause of a failure
  sample: away
"""

from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Caller, connect
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import Problem
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.history import chosen, no_record, public, read, result
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.module_utils.names import PREFIX
from ansible_collections.varasys.zddc.plugins.module_utils.running import INSTANCE_ARG_SPEC, run

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {**INSTANCE_ARG_SPEC, "revision": {"type": "int"}}


def known(records: list[Object]) -> str:
    """Return the existing revisions as text."""
    return ", ".join(f"{record['revision']} ({result(record)})" for record in records)


def work(caller: Caller) -> Object:
    options, api = caller.params, connect(caller, PREFIX)
    where, revision = f"{options['name']} in namespace {options['namespace']}", options["revision"]
    with api.about(f"The history of {where}"):
        records = read(api, options["namespace"], options["owner_labels"])
    found = {"revisions": [public(record) for record in records]}
    if revision is None:
        return found
    if not records:
        raise no_record(where)
    record = records[-1] if revision == -1 else chosen(records, revision)
    if record is None:
        wanted = f"revision {revision}" if revision else "earlier revision that served"
        raise Problem(
            f"{where} has no {wanted}. Nothing was changed. There are: {known(records)}. Name one of them: -e revision=NUMBER"
        )
    return {"chosen": public(record), **found}


def main() -> None:
    run(work, ARGUMENT_SPEC)


if __name__ == "__main__":
    main()
