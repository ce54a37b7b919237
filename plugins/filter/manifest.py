# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Formats a manifest as text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.manifest import as_yaml

DOCUMENTATION = r"""
name: manifest
version_added: 0.1.0
short_description: Formats a manifest as readable YAML
description:
  - A text of several lines, such as a script, stays in several lines.
options:
  _input:
    description: The manifest.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Save a Deployment
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
    """Return a manifest as YAML."""
    # JSON strips the tags that Ansible attaches to values.
    return as_yaml(json.loads(json.dumps(definition)), sort_keys=False)


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filters by name."""
        return {"manifest": manifest}
