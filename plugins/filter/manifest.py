# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A manifest as text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.manifest import as_yaml

DOCUMENTATION = r"""
name: manifest
version_added: 0.1.0
short_description: A manifest as YAML that can be read
description:
  - A text of several lines, such as a script, is written as such.
options:
  _input:
    description: The manifest.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Keep a Deployment
  ansible.builtin.copy:
    content: "{{ deployment | varasys.zddc.manifest }}"
    dest: deployment.yaml
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The manifest, as YAML.
  type: str
"""


def manifest(definition: dict[str, Any]) -> str:
    """Write a manifest."""
    # Without what Ansible attaches to values.
    return as_yaml(json.loads(json.dumps(definition)), sort_keys=False)


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Give the filters by name."""
        return {"manifest": manifest}
