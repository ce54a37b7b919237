# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Ansible would take for a list or a dictionary and is none, a message for each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

DOCUMENTATION = r"""
name: coerced
version_added: 0.1.0
short_description: What Ansible would take for a list or a dictionary and is none, a message for each
description:
  - M(ansible.builtin.validate_argument_spec) makes a list of a number, and of a string with commas, and a dictionary of a string.
    What it makes is not what the role then reads.
positional: options
options:
  _input:
    description: Variables by name.
    type: dict
    required: true
  options:
    description: The argument spec.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Say what is no list
  ansible.builtin.fail:
    msg: "{{ {'service_ports': service_ports} | varasys.zddc.coerced(options) | join('\n') }}"
"""

RETURN = r"""
_value:
  description: The messages.
  type: list
  elements: str
  sample: ["service_ports is 80: give a list."]
"""

WANTED: dict[str, tuple[tuple[type, ...], str]] = {"list": ((str, int, float), "list"), "dict": ((str,), "dictionary")}


def misfits(name: str, value: Any, option: dict[str, Any]) -> Iterator[str]:
    """Give the messages for a value and for all that is in it."""
    taken, word = WANTED.get(option.get("type", "str"), ((), ""))
    if isinstance(value, taken) and (word == "list" or "=" in str(value) or str(value).lstrip().startswith("{")):
        yield f"{name} is {json.dumps(value, ensure_ascii=False)}: give a {word}."
    elif isinstance(value, dict):
        for key, below in (option.get("options") or {}).items():
            if key in value:
                yield from misfits(f"{name}.{key}", value[key], below)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from misfits(f"{name}[{place}]", item, {**option, "type": option.get("elements", "str")})


def coerced(variables: dict[str, Any], options: dict[str, Any]) -> list[str]:
    """Give the messages, in the order of the variables."""
    found = []
    for name, value in variables.items():
        if isinstance(value, str) and options[name]["type"] in WANTED:
            found.append(f"The value of {name} is a string. With -e, write JSON: -e '{{\"{name}\": ...}}'.")
        else:
            found += misfits(name, value, options[name])
    return found


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Give the filters by name."""
        return {"coerced": coerced}
