# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a pod of dev wrote: which pod has access to it, and what changes.sh lists there."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.answers import refusal
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Caller, connect, path_of, selector
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import FORBIDDEN, ApiError, Problem
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.module_utils.names import MODE, PREFIX
from ansible_collections.varasys.zddc.plugins.module_utils.running import INSTANCE_ARG_SPEC

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {**INSTANCE_ARG_SPEC, "archive": {"type": "path"}}
KINDS = ("added", "changed", "deleted")
OWN_FOLDER = ".zddc.d/"
"""The server's own folder, which holds no documents."""


def find(caller: Caller) -> Object:
    """Return the container that has access to the overlay of dev, and its pod."""
    name, namespace, labels = (caller.params[option] for option in ("name", "namespace", "owner_labels"))
    api = connect(caller, PREFIX)
    with api.about(f"The pods of {name} in namespace {namespace}"):
        try:
            pods = api.get(path_of("namespaces", namespace, "pods"), labelSelector=selector({**labels, MODE: "dev"}))["items"]
        except ApiError as error:
            if error.reason == FORBIDDEN:
                raise Problem(refusal(error.said), FORBIDDEN) from error
            raise
    if found := reached(pods):
        return {"pod": found[0], "container": found[1]}
    raise Problem(
        f"No running pod of {name} in namespace {namespace} has access to its overlay. What a pod wrote is lost with the pod. "
        f"Deploy the instance, with {PREFIX}overlay_mounter 'auto', 'server' or 'sidecar'."
    )


def reached(pods: Iterable[Object]) -> tuple[str, str] | None:
    """Return the first pod, and its container, with access to the layers of an overlay: one that runs as root."""
    for pod in pods:
        spec, status = pod["spec"], pod.get("status", {})
        statuses = [*status.get("containerStatuses", []), *status.get("initContainerStatuses", [])]
        running = {one["name"] for one in statuses if "running" in one.get("state", {})}
        for one in [*spec["containers"], *spec.get("initContainers", [])]:
            root = one.get("securityContext", {}).get("runAsUser") == 0
            if root and one["name"] in running and "deletionTimestamp" not in pod["metadata"]:
                return pod["metadata"]["name"], one["name"]
    return None


def listed(text: str) -> Object | None:
    """Return what changes.sh lists, documents apart from the rest; None if the end is missing."""
    fields: list[bytes] = []
    # A truncated list may not be valid Base64.
    with suppress(ValueError):
        fields = base64.b64decode(text).split(b"\0")[:-1]
    rows = list(zip(fields[0::3], fields[1::3], fields[2::3]))
    if not rows or rows.pop()[0] != b"end":
        return None
    differences = [
        {"change": change.decode(), "size": size.decode(), "path": shown(path)}
        for change, size, path in sorted(rows, key=lambda row: row[2])
    ]
    documents = [one for one in differences if not one["path"].startswith(OWN_FOLDER)]
    counts = Counter(one["change"] for one in documents)
    return {
        "changes": documents,
        "counts": {kind: counts[kind] for kind in KINDS},
        "own": len(differences) - len(documents),
    }


def shown(name: bytes) -> str:
    """Return a name as text on one line; no two names give the same text."""
    text = name.replace(b"\\", rb"\\").decode("utf-8", "backslashreplace")
    return re.sub(r"[^\S ]|[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\ufeff]", _escape, text)


def _escape(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode()
