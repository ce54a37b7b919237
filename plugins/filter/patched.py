# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Manifests with a user's patches merged over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

DOCUMENTATION = r"""
name: patched
version_added: 0.1.0
short_description: Manifests with a patch merged over each
description:
  - Mappings are merged key by key, and a key whose value is null is taken out.
  - A list of things that each have a name is merged by name, and one of mounts by C(mountPath); new ones come last. Any
    other list is replaced.
positional: patches
options:
  _input:
    description: The manifests.
    type: list
    elements: dict
    required: true
  patches:
    description: What to merge over each of them.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Give the server a name to look up
  ansible.builtin.debug:
    msg: "{{ [deployment] | varasys.zddc.patched([patch]) | first }}"
  vars:
    deployment: "{{ lookup('ansible.builtin.file', 'deployment.yaml') | from_yaml }}"
    patch:
      spec: {template: {spec: {hostAliases: [{ip: 10.0.0.7, hostnames: [opa.example.org]}]}}}
"""

RETURN = r"""
_value:
  description: The manifests, each with its patch.
  type: list
  elements: dict
"""

KEYS = ("mountPath", "name")
"""What tells one item of a list from another, the first that all of them have."""


def key_of(items: list[Any]) -> str:
    """Give the key by which the items of a list are told from one another, or nothing."""
    for key in KEYS:
        if all(isinstance(item, dict) and key in item for item in items):
            return key
    return ""


def merged(base: Any, patch: Any) -> Any:
    """Merge a patch over what is there."""
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


def patched(manifests: Iterable[dict[str, Any]], patches: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each manifest with its patch."""
    return [merged(manifest, patch) if patch else manifest for manifest, patch in zip(manifests, patches, strict=True)]


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., list[dict[str, Any]]]]:
        """Give the filters by name."""
        return {"patched": patched}
