# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with the form of a repository's URL and of a ref, a message for each."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.varasys.zddc.plugins.module_utils.source.git_ref import Refused, check_ref, check_repo

DOCUMENTATION = r"""
name: git_misfits
version_added: 0.1.0
short_description: What is wrong with a repository's URL and with a ref, a message for each
description:
  - Looks at their form alone. A URL that carries a password or a token is refused, and not shown.
  - Made for the role C(zddc_server), so its messages name the role's variables.
positional: ref
options:
  _input:
    description: URL of the repository.
    type: str
    required: true
  ref:
    description: Tag, branch or full commit.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Say what is wrong
  ansible.builtin.fail:
    msg: "{{ zddc_server_git_repo | varasys.zddc.git_misfits(zddc_server_git_ref) | join('\n') }}"
"""

RETURN = r"""
_value:
  description: The messages.
  type: list
  elements: str
"""


def git_misfits(repo: str, ref: str) -> list[str]:
    """Give the messages."""
    found = []
    for check, value in ((check_repo, repo), (check_ref, ref)):
        try:
            check(str(value))
        except Refused as refused:
            found.append(str(refused))
    return found


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Give the filters by name."""
        return {"git_misfits": git_misfits}
