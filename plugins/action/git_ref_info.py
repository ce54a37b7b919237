# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs git_ref_info in the controller's own process, since starting another takes longer than the request."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.varasys.zddc.plugins.module_utils.source import git_ref


class ActionModule(ActionBase):
    """Resolve a ref."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the commit, or the reason why there is none."""
        super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec=git_ref.ARGUMENT_SPEC)
        repo, ref = options["repo"], options["ref"]
        try:
            return {"changed": False, **git_ref.find(repo, ref, options["timeout"])}
        except git_ref.Refused as refused:
            shown = {"repo": git_ref.without_credentials(repo), "ref": ref, "unreadable": isinstance(refused, git_ref.Unreadable)}
            return {"failed": True, "msg": str(refused), **shown}
