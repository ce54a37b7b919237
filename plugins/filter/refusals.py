# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the API server said of the objects that it did not take."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: refusals
version_added: 0.1.0
short_description: What the API server said of the objects that it did not take
description:
  - Takes the results of a loop of manifests over P(kubernetes.core.k8s#module), and gives a line for each that failed.
positional: set_by
options:
  _input:
    description: The results. The item of each is a manifest.
    type: list
    elements: dict
    required: true
  set_by:
    description: The variables that give what is in an object, by kind. Those under an empty kind are for all other kinds.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what was refused
  ansible.builtin.debug:
    msg: "{{ applied.results | varasys.zddc.refusals({'Service': 'zddc_server_service_*'}) }}"
"""

RETURN = r"""
_value:
  description: The variables and the API server's own sentence, one line an object.
  type: list
  elements: str
  sample: ['zddc_server_service_*: Service "archive" is invalid: spec.ports[0].nodePort: Invalid value: 99']
"""


def said(message: str) -> str:
    """Give the API server's sentence, which kubernetes.core shows within the whole answer."""
    answer = message[message.find("{") :].strip() if "{" in message else ""
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return message.strip()


def refusals(results: Iterable[dict[str, Any]], set_by: Mapping[str, str]) -> list[str]:
    """Give a line for each result that failed: those alone have a message."""
    return [
        f"{set_by.get(result['item']['kind'], set_by.get('', 'it'))}: {said(result['msg'])}"
        for result in results
        if "msg" in result
    ]


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Give the filters by name."""
        return {"refusals": refusals}
