# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Users' patches of manifests: how they are merged, and what they must not change."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

Path = tuple[str, ...]
"""Keys, in which * stands for any text and ? for any character. In a list with names, name=VALUE is the item of that name."""
KEYS = ("mountPath", "name")
"""Keys that can identify the items of a list. The first that all items have is used."""


def key_of(items: list[Any]) -> str:
    """Return the key that identifies the items of a list, empty if there is none."""
    for key in KEYS:
        if all(isinstance(item, dict) and key in item for item in items):
            return key
    return ""


def merged(base: Any, patch: Any) -> Any:
    """Merge a patch into a value: null removes a key, lists of items with names are merged by name, others are replaced."""
    if isinstance(patch, dict):
        base = base if isinstance(base, dict) else {}
        over = {key: merged(base.get(key), value) for key, value in patch.items() if value is not None}
        return {key: value for key, value in {**base, **over}.items() if key not in patch or key in over}
    if isinstance(patch, list):
        base = base if isinstance(base, list) else []
        key = key_of([*base, *patch]) if base else ""
        if not key:
            return [merged(None, item) for item in patch]
        over = {item[key]: item for item in patch}
        there = {item[key] for item in base}
        return [
            *(merged(item, over.get(item[key], {})) for item in base),
            *(merged(None, item) for item in patch if item[key] not in there),
        ]
    return patch


def touched(patch: Any, fixed: Iterable[Path]) -> list[str]:
    """Return the fixed paths that the patch sets or removes, directly or with a parent, as text."""
    return [shown(path) for path in fixed if reaches(patch, path)]


def reaches(patch: Any, path: Path) -> bool:
    """Check whether a patch changes what is at a path."""
    if not path:
        return True
    first, rest = path[0], path[1:]
    if isinstance(patch, list):
        key, _equals, wanted = first.partition("=")
        # A list with an item without a name replaces the whole list.
        if any(not isinstance(item, dict) or key not in item for item in patch):
            return True
        return any(reaches(item, rest) for item in patch if fnmatchcase(str(item[key]), wanted))
    if isinstance(patch, dict) and "=" not in first:
        return any(reaches(value, rest) for key, value in patch.items() if fnmatchcase(str(key), first))
    return True


def shown(path: Path) -> str:
    """Return a path as text."""
    return "".join(f"[{key}]" if "=" in key else f".{key}" for key in path)[1:]
