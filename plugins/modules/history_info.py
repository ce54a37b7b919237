#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: history_info
short_description: Reads what the cluster records of an instance
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - A deploy records the objects that it applies, in a ControllerRevision for each set of them that differs from the one
    before. This module reads these records.
  - With O(revision) it also chooses one, to go back to.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
  - varasys.zddc.api.instance
options:
  revision:
    description: The revision to choose. V(0) is the last that served before the newest. V(-1) is the newest. Where there
      is none such, the module fails.
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
      description: How that ended, C(served), C(failed), or C(unfinished) where the run did not come to an end.
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
      description: The ref that was asked for.
      type: str
      sample: zddc-server-v0.0.7
    commit:
      description: The commit that it stood for.
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
      description: Where it was gone back to, from which record.
      type: str
      sample: ""
    data:
      description: All that was noted beside the objects.
      type: dict
      sample: {}
    objects:
      description: The objects, as they were applied.
      type: list
      elements: dict
      sample: []
    signature:
      description: Who signed it, C(signed_by), and a mark of who was trusted then, C(trusted). Empty where nobody looked.
      type: dict
      sample: {}
chosen:
  description: The record that was asked for.
  type: dict
  returned: with O(revision)
  contains: *record
reason:
  description: Why it failed, in a word, as the notes say.
  type: str
  returned: when the cluster is why it failed
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
    """The revisions that there are, in words."""
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
