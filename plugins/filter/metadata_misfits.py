# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What cannot be a label or an annotation of an object, a message for each."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

DOCUMENTATION = r"""
name: metadata_misfits
version_added: 0.1.0
short_description: What cannot be a label or an annotation, a message for each
description:
  - Holds labels, annotations and node selectors against the rules of Kubernetes, and against those that a role sets itself.
positional: own
options:
  _input:
    description: By the name of the variable, the entries that it gives. One whose name ends in C(_annotations) may have any text.
    type: dict
    required: true
  own:
    description: Keys that are the role's own. Those that begin with C(varasys.zddc/) always are.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Say what does not fit
  ansible.builtin.fail:
    msg: "{{ {'service_labels': service_labels} | varasys.zddc.metadata_misfits(['app.kubernetes.io/name']) | join('\n') }}"
"""

RETURN = r"""
_value:
  description: The messages.
  type: list
  elements: str
  sample: ["service_labels gives team a value that is no text. Put it in quotes."]
"""

KEY = re.compile(r"([a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?")
LABEL = re.compile(r"([A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?)?")
FORM = "at most 63 letters, digits, dashes, dots and underscores, a letter or a digit first and last"


def misfit(name: str, key: str, value: Any, own: Collection[str]) -> str:
    """Give the message for one entry, empty where it fits."""
    if key in own or key.startswith("varasys.zddc/"):
        return f"{name} sets {key}, by which the role knows its own: take it out."
    if not KEY.fullmatch(key):
        return f"{name} has the key '{key}': give {FORM}; before them, if wanted, a domain and a slash."
    if not isinstance(value, str):
        return f"{name} gives {key} a value that is no text. Put it in quotes."
    if not name.endswith("_annotations") and not LABEL.fullmatch(value):
        return f"{name} gives {key} the value '{value}': a label has {FORM}."
    return ""


def metadata_misfits(variables: dict[str, dict[Any, Any]], own: Collection[str]) -> list[str]:
    """Give the messages, in the order of the variables."""
    every = (misfit(name, str(key), value, own) for name, entries in variables.items() for key, value in entries.items())
    return [message for message in every if message]


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Give the filters by name."""
        return {"metadata_misfits": metadata_misfits}
