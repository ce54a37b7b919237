# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What does not fit an argument spec, a message for each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

DOCUMENTATION = r"""
name: misfits
version_added: 0.1.0
short_description: The errors of M(ansible.builtin.validate_argument_spec), a message for each
description:
  - Ansible names all options that there are not in one message, with those that there are beside the last of them.
positional: options
options:
  _input:
    description: C(argument_errors) of its result.
    type: list
    elements: str
    required: true
  options:
    description: The argument spec.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Say what does not fit
  ansible.builtin.fail:
    msg: "{{ checked.argument_errors | varasys.zddc.misfits(options) | join('\n') }}"
"""

RETURN = r"""
_value:
  description: The messages.
  type: list
  elements: str
"""


def apart(name: str, options: dict[str, Any]) -> tuple[str, str, list[str]]:
    """Give the option that a name begins with, the key that it ends with, which may have dots, and the keys that there are."""
    path, parts = [], name.split(".")
    while parts[0] in options and "options" in options[parts[0]] and len(parts) > 1:
        path.append(parts.pop(0))
        options = options[path[-1]]["options"]
    return ".".join(path), ".".join(parts), sorted(options)


def plain(error: str) -> str:
    """Give an error without Python's words for types, and without all spellings of true and false."""
    error = re.sub(r"<class '[\w.]*?_AnsibleTagged(\w+)'>", lambda found: f"a {found[1].lower()}", error)
    return re.sub(r"The value ('.*') is not a valid boolean\. .*", r"\1 is neither true nor false", error)


def misfits(errors: Iterable[str], options: dict[str, Any]) -> list[str]:
    """Give the messages."""
    found = []
    for error in errors:
        unknown = re.fullmatch(r"(\S+(?:, \S+)*)\. Supported parameters include: .*", error)
        for name in dict.fromkeys(unknown[1].split(", ")) if unknown else []:
            parent, key, known = apart(name, options)
            found.append(f"{parent} has no key {key}: it has {', '.join(known)}. Correct it, or take it out.")
        found += [] if unknown else [plain(error)]
    return found


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Give the filters by name."""
        return {"misfits": misfits}
