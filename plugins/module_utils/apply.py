# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a write needs that kubernetes.core does not do: take over fields of other managers, or check that the cluster answers."""

from __future__ import annotations

from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import OUTAGE_ARG_SPEC, Api, Caller, Kinds, connect
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError
from ansible_collections.varasys.zddc.plugins.module_utils.compare.fields import adopted, owned_by_others
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    **OUTAGE_ARG_SPEC,
    "state": {"type": "str", "choices": ["present", "patched", "absent"], "default": "present"},
    "definitions": {"type": "list", "elements": "dict", "default": []},
    "adopt": {"type": "list", "elements": "dict", "default": []},
    "field_manager": {"type": "str"},
    "allowed_managers": {"type": "list", "elements": "str", "default": ["kube-controller-manager"]},
    "propagation": {"type": "str", "choices": ["Background", "Foreground", "Orphan"]},
    "wait": {"type": "bool", "default": False},
    "wait_condition": {"type": "dict"},
    "wait_timeout": {"type": "int", "default": 120},
    "set_by": {"type": "dict", "default": {}},
    "heading": {"type": "str", "default": ""},
    "note": {"type": "str", "default": ""},
}
TRIES = 10
"""The status of an object may be written at any time, and each write makes the version that was read outdated."""


def ask(caller: Caller) -> Object:
    """Take over the fields of other managers; if no object is named, check that the cluster answers."""
    options, api = caller.params, connect(caller)
    managers: set[str] = set()
    if not options["adopt"]:
        api.patience = 0
        with api.about(""):
            api.get("/version")
    for definition in options["adopt"]:
        metadata = definition["metadata"]
        with api.about(f"{definition['kind']} {metadata['name']!r} in namespace {metadata['namespace']!r}"):
            managers |= adopt(api, definition, options["field_manager"], options["allowed_managers"], caller.check_mode)
    return {"changed": bool(managers), "managers": sorted(managers)}


def adopt(api: Api, definition: Object, manager: str, allowed: list[str], dry: bool) -> set[str]:
    """Take over the fields of other managers. Return these managers."""
    version, kind, metadata = definition["apiVersion"], definition["kind"], definition["metadata"]
    path = Kinds(api).path(version, kind, metadata["namespace"], metadata["name"])
    if path is None:
        raise ApiError(f"has no kind {kind} in {version}", "Correct the kind.")
    for tries in range(TRIES):
        live = api.get(path)
        others = {one.manager for one in owned_by_others(live, manager) if one.manager not in allowed}
        if not others or dry:
            break
        patch = [
            {"op": "replace", "path": "/metadata/managedFields", "value": adopted(live, manager, allowed)},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
        ]
        try:
            api.send("patch", path, patch, "application/json-patch+json")
            break
        except ApiError as error:
            if error.status != 409 or tries == TRIES - 1:
                raise
    return others
