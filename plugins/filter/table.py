# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Formats rows as a text table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

DOCUMENTATION = r"""
name: table
version_added: 0.1.0
short_description: Formats rows as a text table
description:
  - Returns a line for each row. Columns are as wide as their longest value, and two spaces apart. An empty value is shown as a
    dash, a list as its length.
positional: columns
options:
  _input:
    description: The rows.
    type: list
    elements: dict
    required: true
  columns:
    description: The key of each column, by its heading.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what runs
  ansible.builtin.debug:
    msg: "{{ [{'name': 'archive', 'ready': '1/1'}] | varasys.zddc.table({'INSTANCE': 'name', 'READY': 'ready'}) }}"
"""

RETURN = r"""
_value:
  description: The lines, the headings first.
  type: str
"""


def table(rows: Iterable[dict[str, Any]], columns: dict[str, str]) -> str:
    """Return the table."""
    lines = [list(columns), *([cell(row[key]) for key in columns.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(one.ljust(width) for one, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def cell(value: Any) -> str:
    """Return a value as a cell shows it."""
    return str(len(value) if isinstance(value, list) else "-" if value in ("", None) else value)


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filters by name."""
        return {"table": table}
