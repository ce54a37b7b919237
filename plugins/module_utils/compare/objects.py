# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Compare one object with its definition by a dry run: what an apply would change, and what other managers have changed."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Api
from ansible_collections.varasys.zddc.plugins.module_utils.compare import fields
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object, as_yaml

REPLICAS = ("f:spec", "f:replicas")
# Metadata that the API server maintains.
BOOKKEEPING = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")


@dataclass
class Compared:
    """One object before and after an apply, and the fields that other managers have changed."""

    before: Object
    after: Object
    definition: Object
    """What to apply, without the fields that are left to allowed managers."""
    drift: list[str] = field(default_factory=list)
    adopt: bool = False
    """Whether other managers have added fields, which an apply does not remove."""

    @property
    def change(self) -> str:
        return "none" if self.before == self.after else "change" if self.before else "create"

    @property
    def new_pods(self) -> bool:
        """Whether an apply creates pods, for a changed template or for more replicas."""
        before, after = self.before.get("spec", {}), self.after.get("spec", {})
        return bool(before.get("template") != after.get("template") or after.get("replicas", 1) > before.get("replicas", 1))

    def diff(self) -> Object:
        kind, name = self.after.get("kind") or self.before["kind"], (self.after or self.before)["metadata"]["name"]
        return {
            "before_header": f"{kind} {name}, in the cluster" if self.before else f"{kind} {name}, not in the cluster",
            "after_header": f"{kind} {name}, after a deploy" if self.after else f"{kind} {name}, removed by a deploy",
            "before": as_yaml(self.before),
            "after": as_yaml(self.after),
        }


def plain(live: Object) -> Object:
    """Return the object without status and bookkeeping."""
    metadata = {key: value for key, value in live["metadata"].items() if key not in BOOKKEEPING}
    annotations = {
        key: value for key, value in metadata.get("annotations", {}).items() if not key.startswith("deployment.kubernetes.io/")
    }
    metadata = {key: value for key, value in metadata.items() if key != "annotations"}
    if annotations:
        metadata["annotations"] = annotations
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata}


def dry_run(api: Api, path: str, definition: Object, manager: str) -> Object:
    """Return the object as an apply would leave it."""
    query = {"dryRun": "All", "fieldManager": manager, "force": "true"}
    return api.send("patch", path, json.dumps(definition), "application/apply-patch+yaml", **query)


def compare(api: Api, path: str, live: Object | None, definition: Object, manager: str, allowed: list[str]) -> Compared:
    """Compare an object in the cluster with its definition."""
    applied = dry_run(api, path, definition, manager)
    if live is None:
        return Compared({}, plain(applied), definition)
    others = fields.owned_by_others(live, manager)
    left = [
        one.path
        for one in others
        if one.manager in allowed
        and fields.value(live, one.path) != fields.value(applied, one.path)
        # No autoscaler decides whether the instance is stopped.
        and not (one.path == REPLICAS and fields.value(definition, REPLICAS) == 0)
    ]
    if left:
        definition = copy.deepcopy(definition)
        for path_left in left:
            fields.remove(definition, path_left)
        applied = dry_run(api, path, definition, manager)
    own = fields.owned_by(applied, manager)
    strange = [one for one in others if one.manager not in allowed]
    added = [one for one in strange if one.path not in own]
    changed = [one for one in strange if one.path in own and fields.value(live, one.path) != fields.value(applied, one.path)]
    after = copy.deepcopy(applied)
    for one in added:
        fields.remove(after, one.path)
    shown = {path for place in {one.entry for one in added} for path in _outermost(added, place)}
    drift = [
        f"{definition['kind']} {definition['metadata']['name']}: {fields.shown(one.path)} is "
        f"{_short(fields.value(live, one.path))}, set by {one.manager}{one.time and ' at '}{one.time}. The role {role}."
        for one, role in [
            *((one, f"sets {_short(fields.value(applied, one.path))}") for one in changed),
            *((one, "does not set it") for one in added if one.path in shown),
        ]
    ]
    return Compared(plain(live), plain(after), definition, drift, bool(added))


def _outermost(added: list[fields.Owned], entry: int) -> list[fields.Path]:
    return fields.collapsed([one.path for one in added if one.entry == entry])


def _short(value: Any) -> str:
    text = "absent" if value is fields.MISSING else json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
