# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The message for a variable that the role does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches

DOCUMENTATION = r"""
name: misspelt
version_added: 0.1.0
short_description: The message for a variable that a role does not know
description:
  - Names the variable and the known one that is closest to it.
positional: known
options:
  _input:
    description: Name of the unknown variable.
    type: str
    required: true
  known:
    description: Names of the known variables.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Name the variable that was probably meant
  ansible.builtin.debug:
    msg: "{{ 'zddc_server_git_reff' | varasys.zddc.misspelt(['zddc_server_git_ref', 'zddc_server_git_repo']) }}"
"""

RETURN = r"""
_value:
  description: The message, a sentence or two.
  type: str
"""


def misspelt(name: str, known: Iterable[str]) -> str:
    """Name the variable, and the known one that is closest."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.8)
    step = f"Did you mean {close[0]}?" if close else "Take it out: ansible-doc -t role lists those that there are."
    return f"{name} is not a variable of this role. {step}"


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Give the filters by name."""
        return {"misspelt": misspelt}
