# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The records of an instance in the cluster: a ControllerRevision for each set of objects that was applied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Api, path_of, selector
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import Problem
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.module_utils.names import (
    BY,
    CAUSE,
    PREFIX,
    RESULT,
    SERVED,
    SIGNED_BY,
    TRUSTED_SIGNERS,
    UNFINISHED,
)


def read(api: Api, namespace: str, labels: Mapping[str, str]) -> list[Object]:
    """Return every record of an instance, the oldest first."""
    path = path_of("namespaces", namespace, "controllerrevisions", base="/apis/apps/v1")
    return sorted(api.get(path, labelSelector=selector(labels))["items"], key=lambda item: item["revision"])


def result(record: Object) -> str:
    return str(record["metadata"].get("annotations", {}).get(RESULT, UNFINISHED))


def made(records: list[Object], name: str, namespace: str, labels: Mapping[str, str], by: str, data: Object) -> Object:
    """Return the next record."""
    number = records[-1]["revision"] + 1 if records else 1
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": f"{name}-v{number}",
            "namespace": namespace,
            "labels": dict(labels),
            "annotations": {RESULT: UNFINISHED, BY: by},
        },
        "revision": number,
        "data": data,
    }


def noted(name: str, namespace: str, result: str, cause: str) -> Object:
    """Return a patch that records the result of a revision."""
    annotations = {RESULT: result, CAUSE: cause.splitlines()[0][:500] if cause else None}
    metadata = {"name": name, "namespace": namespace, "annotations": annotations}
    return {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata}


def identity(item: Object) -> tuple[str, str, str]:
    """Return API version, kind and name of an object."""
    return item["apiVersion"], item["kind"], item["metadata"]["name"]


def applied(records: Iterable[Object]) -> dict[tuple[str, str, str], None]:
    """Return every object that the records name, in the order of the records."""
    return {identity(item): None for record in records for item in record["data"]["objects"]}


def surplus(records: list[Object], keep: int) -> list[str]:
    """Return the names of the records to remove: never the newest, nor the last that served."""
    served = [record for record in records if result(record) == SERVED][-1:]
    return [record["metadata"]["name"] for record in records[:-keep] if record not in served]


def public(record: Object) -> Object:
    """Return a record as users see it."""
    annotations = record["metadata"].get("annotations", {})
    data = {key: value for key, value in record["data"].items() if key != "objects"}
    told: Object = {
        "revision": record["revision"],
        "name": record["metadata"]["name"],
        "created": record["metadata"].get("creationTimestamp", ""),
        "result": result(record),
        "cause": annotations.get(CAUSE, ""),
        "by": annotations.get(BY, ""),
        **{key: data.get(key, "") for key in ("mode", "repo", "ref", "commit", "note")},
        "data": data,
        "objects": record["data"]["objects"],
        "signature": signature(record),
    }
    outcome = ": ".join(filter(None, (told["result"], told["note"], told["cause"])))
    return told | {"short_commit": told["commit"][:12], "outcome": outcome}


def no_record(where: str) -> Problem:
    return Problem(
        f"There is no record of {where}. Deploy it first, or correct {PREFIX}name, {PREFIX}namespace and {PREFIX}mode."
    )


def signature(record: Object) -> Object:
    """Return who signed what a record deployed, and a digest of the signers trusted then; empty if no signature was checked."""
    for item in record["data"]["objects"]:
        annotations = item["metadata"].get("annotations", {})
        if item["kind"] == "Deployment" and SIGNED_BY in annotations:
            return {"signed_by": annotations[SIGNED_BY], "trusted": annotations[TRUSTED_SIGNERS]}
    return {}


def chosen(records: list[Object], revision: int) -> Object | None:
    """Return the record of a revision; for 0, the last that served before the newest record."""
    if revision:
        return next((record for record in records if record["revision"] == revision), None)
    return next((record for record in reversed(records[:-1]) if result(record) == SERVED), None)
