# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the role's changes.sh lists."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from contextlib import suppress

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: changes
version_added: 0.1.0
short_description: What a pod of dev wrote
description:
  - Reads what C(changes.sh list) of the role C(zddc_server) gives. Fails where that is cut short.
options:
  _input:
    description: Its output, base64 of fields that a zero byte ends.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show what was deleted
  ansible.builtin.debug:
    msg: "{{ listed.stdout | varasys.zddc.changes | selectattr('change', '==', 'deleted') }}"
"""

RETURN = r"""
_value:
  description:
    - The differences, by path. Each has a C(change), C(added), C(changed) or C(deleted), a C(size) in bytes, empty for a
      folder, and a C(path), with a slash at the end for a folder. A backslash and what cannot be shown is escaped.
  type: list
  elements: dict
"""


def shown(name: bytes) -> str:
    """Give a name that fits on a line, and no other name gives the same."""
    text = name.replace(b"\\", rb"\\").decode("utf-8", "backslashreplace")
    return re.sub(r"[^\S ]|[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\ufeff]", _escape, text)


def _escape(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode()


def changes(listed: str) -> list[dict[str, str]]:
    """Give the differences. Raises AnsibleFilterError where the end is missing."""
    fields: list[bytes] = []
    # Cut short, it may be no Base64 either.
    with suppress(ValueError):
        fields = base64.b64decode(listed).split(b"\0")[:-1]
    rows = list(zip(fields[0::3], fields[1::3], fields[2::3], strict=False))
    if not rows or rows.pop()[0] != b"end":
        raise AnsibleFilterError("The list of changes did not come whole from the pod. Run this again.")
    return [
        {"change": change.decode(), "size": size.decode(), "path": shown(path)}
        for change, size, path in sorted(rows, key=lambda row: row[2])
    ]


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., list[dict[str, str]]]]:
        """Give the filters by name."""
        return {"changes": changes}
