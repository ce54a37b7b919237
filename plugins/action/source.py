# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Finds the commit to deploy, on the controller. What needs the cluster is asked for by the collection's modules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import Problem
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance import source
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.options import Options

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    **AUTH_ARG_SPEC,
    "instance": {"type": "dict", "required": True},
    "commit": {"type": "str"},
    "history": {"type": "bool", "default": True},
}


class ActionModule(ActionBase):
    """Find the commit."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the commit, or why there is none."""
        super().run(tmp, task_vars)
        # JSON strips the tags that Ansible attaches to values.
        self._task.args = json.loads(json.dumps(self._task.args))
        _validation, asked = self.validate_argument_spec(ARGUMENT_SPEC)
        options = Options(asked["instance"]["options"])
        ask = partial(self._asked, task_vars or {})

        def history() -> Mapping[str, Any]:
            labels = asked["instance"]["owner_labels"]
            where = {"name": options.name, "namespace": options.namespace, "owner_labels": labels}
            # If the cluster does not answer, there is no commit to keep, and the message is about the repository.
            records = ask("history_info", where).get("revisions") if asked["history"] else []
            return records[-1] if records else {}

        def signature(what: Mapping[str, Any]) -> dict[str, str]:
            signers = {"namespace": options.namespace, "timeout": options.git_timeout, **options.trusted_signers}
            answer = ask("signature", {**what, **signers})
            if answer.get("failed"):
                raise Problem(answer["msg"], answer.get("reason", ""))
            return {name: answer[name] for name in ("signed_by", "trusted")}

        try:
            if asked["commit"] is None:
                return {"changed": False, **source.resolved(options, history, signature)}
            return {"changed": False, **source.given(options, asked["commit"])}
        except Problem as problem:
            return problem.result

    def _asked(self, task_vars: dict[str, Any], name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Run another module of the collection on this host, and return its result."""
        arguments |= {key: value for key, value in self._task.args.items() if key in AUTH_ARG_SPEC}
        return dict(self._execute_module(f"varasys.zddc.{name}", module_args=arguments, task_vars=task_vars))
