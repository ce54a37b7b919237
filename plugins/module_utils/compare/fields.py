# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which manager set which field of an object, from its metadata.managedFields.

A path is a tuple of FieldsV1 keys: f:NAME is a field, k:{...} a list item by its keys, v:VALUE a set item. A trailing
"." is the item itself, without its fields.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object

Path = tuple[str, ...]
MISSING = object()
"""The value at a path that does not exist."""

# Side effects of kubectl and of controllers, not part of the desired state.
PASSING = (
    "kubectl.kubernetes.io/restartedAt",
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/",
)


@dataclass(frozen=True)
class Owned:
    """A field that a manager owns."""

    path: Path
    manager: str
    time: str
    entry: int
    """Index in metadata.managedFields."""


def leaves(fields: Object, above: Path = ()) -> Iterator[Path]:
    """Yield every owned path: fields without fields below them, and list items."""
    for key, below in fields.items():
        path = (*above, key)
        if not below:
            # The "." of a field only says that the field exists.
            if key != "." or (above[-1:] and above[-1][:2] == "k:"):
                yield path
        else:
            yield from leaves(below, path)


def passing(path: Path) -> bool:
    """Check whether a field is a side effect: such an annotation, a finalizer or an owner reference."""
    if path[:2] in (("f:metadata", "f:finalizers"), ("f:metadata", "f:ownerReferences")):
        return True
    return "f:annotations" in path and path[-1].removeprefix("f:").startswith(PASSING)


def owned_by(live: Object, manager: str) -> set[Path]:
    """Return the paths that a manager owns by server-side apply."""
    entries = live["metadata"].get("managedFields", [])
    return {
        path
        for entry in entries
        if entry["manager"] == manager and entry["operation"] == "Apply" and not entry.get("subresource")
        for path in leaves(entry.get("fieldsV1", {}))
    }


def owned_by_others(live: Object, manager: str) -> list[Owned]:
    """Return what other managers own, except the status, which is never applied."""
    return [
        Owned(path, entry["manager"], entry.get("time", ""), place)
        for place, entry in enumerate(live["metadata"].get("managedFields", []))
        if entry["manager"] != manager and entry.get("subresource") != "status"
        for path in leaves(entry.get("fieldsV1", {}))
        if not passing(path)
    ]


def _item(items: list[Any], key: str) -> int | None:
    """Return the index of the item that k:..., v:... or i:... selects."""
    wanted = json.loads(key[2:])
    for place, item in enumerate(items):
        if key[:2] == "k:":
            if isinstance(item, dict) and all(item.get(name, value) == value for name, value in wanted.items()):
                return place
        elif (key[:2] == "i:" and place == wanted) or (key[:2] == "v:" and item == wanted):
            return place
    return None


def _step(found: Any, key: str) -> Any:
    """Return the value one key further down."""
    if key == ".":
        return found
    if key[:2] == "f:":
        return found.get(key[2:], MISSING) if isinstance(found, dict) else MISSING
    place = _item(found, key) if isinstance(found, list) else None
    return MISSING if place is None else found[place]


def value(found: Any, path: Path) -> Any:
    """Return the value at a path."""
    for key in path:
        found = _step(found, key)
        if found is MISSING:
            break
    return found


def remove(found: Any, path: Path) -> None:
    """Remove the value at a path, and its parents that are then empty."""
    steps = path[:-1] if path[-1] == "." else path
    chain = [found]
    for key in steps:
        if (below := _step(chain[-1], key)) is MISSING:
            return
        chain.append(below)
    for place in range(len(steps) - 1, -1, -1):
        holder, key = chain[place], steps[place]
        if isinstance(holder, dict):
            del holder[key[2:]]
        else:
            holder.pop(_item(holder, key))
        if holder:
            return


def shown(path: Path) -> str:
    """Return the path as people write it."""
    text = ""
    for key in path:
        if key[:2] == "f:":
            name = key[2:]
            text += f"[{name}]" if "." in name or "/" in name else f".{name}" if text else name
        elif key != ".":
            known = json.loads(key[2:])
            text += f"[{', '.join(map(str, known.values())) if isinstance(known, dict) else known}]"
    return text


def collapsed(paths: list[Path]) -> list[Path]:
    """Return the paths; of a list item and its fields, only the item."""
    items = {path[:-1] for path in paths if path[-1] == "."}

    def within(path: Path) -> bool:
        place = path[:-1] if path[-1] == "." else path
        return any(place[:depth] in items for depth in range(len(place)))

    return [path for path in paths if not within(path)]


def merged(one: Object, other: Object) -> Object:
    """Return all fields of both."""
    return {key: merged(one.get(key, {}), other.get(key, {})) for key in {**one, **other}}


def split(fields: Object, taken: Callable[[Path], bool], above: Path = ()) -> tuple[Object, Object]:
    """Split the fields into those that C(taken) accepts and the rest."""
    yes: Object = {}
    no: Object = {}
    for key, below in fields.items():
        path = (*above, key)
        if not below:
            (yes if taken(path) else no)[key] = below
            continue
        inner_yes, inner_no = split(below, taken, path)
        if inner_yes:
            yes[key] = inner_yes
        if inner_no:
            no[key] = inner_no
    return yes, no


def adopted(live: Object, manager: str, allowed: list[str]) -> list[Object]:
    """Return the managedFields after this manager takes over, by apply, the fields of all managers but the allowed ones."""
    entries: list[Object] = []
    gain: Object = {}
    for entry in live["metadata"].get("managedFields", []):
        if entry["manager"] in (manager, *allowed) or entry.get("subresource") == "status":
            entries.append(entry)
            continue
        yes, no = split(entry.get("fieldsV1", {}), lambda path: not passing(path))
        gain = merged(gain, yes)
        if any(leaves(no)):
            entries.append({**entry, "fieldsV1": no})
    for place, entry in enumerate(entries):
        if entry["manager"] == manager and entry["operation"] == "Apply":
            entries[place] = {**entry, "fieldsV1": merged(entry["fieldsV1"], gain)}
            return entries
    own = {"manager": manager, "operation": "Apply", "apiVersion": live["apiVersion"], "fieldsType": "FieldsV1"}
    return [*entries, {**own, "fieldsV1": gain}] if gain else entries
