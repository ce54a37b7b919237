# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The argument spec of a role, read once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

DOCUMENTATION = r"""
name: argument_spec
version_added: 0.1.0
short_description: The argument spec of a role's entry point C(main)
description:
  - Reads C(meta/argument_specs.yml), once for all that a task asks of it.
options:
  _input:
    description: Path of the role.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show what a role takes
  ansible.builtin.debug:
    msg: "{{ role_path | varasys.zddc.argument_spec | list }}"
"""

RETURN = r"""
_value:
  description: The options by name.
  type: dict
"""

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def _load(path: Path) -> dict[str, Any]:
    specs = yaml.load(path.read_text(), Loader=Loader)
    return dict(specs["argument_specs"]["main"]["options"])


def argument_spec(role: str) -> dict[str, Any]:
    """Give the options by name."""
    return _load(Path(role) / "meta/argument_specs.yml")


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Give the filters by name."""
        return {"argument_spec": argument_spec}
