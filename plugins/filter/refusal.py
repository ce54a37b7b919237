# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the API server said of the object that it did not take."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.answers import refusal

DOCUMENTATION = r"""
name: refusal
version_added: 0.1.0
short_description: What the API server said of the object that it did not take
description:
  - Takes the message of a failed module of P(kubernetes.core.k8s#module)'s collection, and gives the API server's sentence in
    it, after the variables that give what is in an object of that kind; after that of a right that the user lacks, the rule
    that would give it.
positional: set_by
options:
  _input:
    description: The message.
    type: str
    required: true
  set_by:
    description: The variables that give what is in an object, by kind. Those under an empty kind are for all other kinds.
    type: dict
    default: {}
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


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Give the filters by name."""
        return {"refusal": refusal}
