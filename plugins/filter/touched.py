# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a user's patch would change and must not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any

DOCUMENTATION = r"""
name: touched
version_added: 0.1.0
short_description: What of a manifest a patch must not change, and would
description:
  - Goes along each path into a patch for P(varasys.zddc.patched#filter), and gives those that it sets, takes out, or
    takes out with what they are in.
positional: fixed
options:
  _input:
    description: The patch.
    type: dict
    required: true
  fixed:
    description:
      - Paths that are not to be changed. Each is a list of keys, in which C(*) and C(?) stand for any text and any
        character. Of a list with names, C(name=VALUE) is the item of that name.
    type: list
    elements: list
    required: true
"""

EXAMPLES = r"""
- name: Refuse another selector
  ansible.builtin.assert:
    that: service_patch | varasys.zddc.touched([['spec', 'selector']]) | length == 0
"""

RETURN = r"""
_value:
  description: Those of the paths that the patch changes, as they are read, such as C(spec.containers[name=zddc-server].image).
  type: list
  elements: str
"""


def reaches(patch: Any, path: list[str]) -> bool:
    """Whether a patch changes what lies at a path."""
    if not path:
        return True
    first, rest = path[0], path[1:]
    if isinstance(patch, list):
        key, _equals, wanted = first.partition("=")
        # A list with an item that has no name replaces the whole.
        if any(not isinstance(item, dict) or key not in item for item in patch):
            return True
        return any(reaches(item, rest) for item in patch if fnmatchcase(str(item[key]), wanted))
    if isinstance(patch, dict) and "=" not in first:
        return any(reaches(value, rest) for key, value in patch.items() if fnmatchcase(str(key), first))
    return True


def shown(path: list[str]) -> str:
    """Give a path as it is read."""
    return "".join(f"[{key}]" if "=" in key else f".{key}" for key in path)[1:]


def touched(patch: dict[str, Any], fixed: Iterable[list[str]]) -> list[str]:
    """Give the paths that the patch changes."""
    return [shown(path) for path in fixed if reaches(patch, list(path))]


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Give the filters by name."""
        return {"touched": touched}
