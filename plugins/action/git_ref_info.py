# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs git_ref_info in the controller's own process, since to start another takes longer than to ask the repository."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.varasys.zddc.plugins.module_utils.source.git_ref import (
    ARGUMENT_SPEC,
    Refused,
    Unreadable,
    find,
    without_credentials,
)


class ActionModule(ActionBase):
    """Resolve a ref."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Give the commit, or the reason why there is none."""
        super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        repo, ref = options["repo"], options["ref"]
        try:
            return {"changed": False, **find(repo, ref, options["timeout"])}
        except Refused as refused:
            shown = {"repo": without_credentials(repo), "ref": ref, "unreadable": isinstance(refused, Unreadable)}
            return {"failed": True, "msg": str(refused), **shown}
