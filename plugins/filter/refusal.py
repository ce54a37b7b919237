# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the API server said of the object that it did not take."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.rights import forbidden, missing_rule

DOCUMENTATION = r"""
name: refusal
version_added: 0.1.0
short_description: What the API server said of the object that it did not take
description:
  - Takes the message of a failed P(kubernetes.core.k8s#module), and gives the API server's sentence in it, after the variables
    that give what is in an object of that kind; after that of a right that the user lacks, the rule that would give it.
positional: set_by
options:
  _input:
    description: The message.
    type: str
    required: true
  set_by:
    description: The variables that give what is in an object, by kind. Those under an empty kind are for all other kinds.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what was refused
  ansible.builtin.debug:
    msg: "{{ applied.msg | varasys.zddc.refusal({'Service': 'zddc_server_service_*'}) }}"
"""

RETURN = r"""
_value:
  description: The variables and the sentence. The message as it is where it has no answer of the API server.
  type: str
  sample: 'zddc_server_service_*: Service "archive" is invalid: spec.ports[0].nodePort: Invalid value: 99'
"""


def plural(kind: str) -> str:
    """Give the name of a kind's resource, by the rule of Kubernetes."""
    lower = kind.lower()
    if lower.endswith("y"):
        return lower[:-1] + "ies"
    return lower + ("es" if lower.endswith("s") else "s")


def answer(message: str) -> dict[str, Any]:
    """Give the API server's answer, which kubernetes.core shows as JSON after words of its own."""
    try:
        found = json.loads(message[message.index("{") :])
    except ValueError:
        return {}
    return found if "message" in found else {}


def refusal(message: str, set_by: Mapping[str, str]) -> str:
    """Give the variables and the API server's sentence."""
    # Of the modules that show the answer as a text within a text, a missing right is all that is looked for.
    if rule := missing_rule(plain := message.replace('\\"', '"')):
        return f"zddc_server_kubeconfig: {forbidden(plain)}. {rule}"
    found = answer(message)
    if not found:
        return message.strip()
    # A kind, or for some refusals its resource.
    named = str((found.get("details") or {}).get("kind", ""))
    variables = next((value for kind, value in set_by.items() if kind and named in (kind, plural(kind))), set_by.get("", ""))
    return f"{variables}: {found['message']}" if named and variables else str(found["message"])


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Give the filters by name."""
        return {"refusal": refusal}
