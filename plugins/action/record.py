# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Records in the history how a revision ended, through the action apply."""

from __future__ import annotations

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ansible_collections.varasys.zddc.plugins.action import apply
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import OUTAGE_ARG_SPEC
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.history import noted
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.module_utils.names import FAILED, SERVED

ARGUMENT_SPEC: dict[str, Object] = {
    **AUTH_ARG_SPEC,
    **OUTAGE_ARG_SPEC,
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "result": {"type": "str", "required": True, "choices": [SERVED, FAILED]},
    "cause": {"type": "str", "default": ""},
}


class ActionModule(apply.ActionModule):
    def run(self, tmp: str | None = None, task_vars: Object | None = None) -> Object:
        _validation, options = self.validate_argument_spec(ARGUMENT_SPEC)
        given = {name: value for name, value in self._task.args.items() if name in {**AUTH_ARG_SPEC, **OUTAGE_ARG_SPEC}}
        record = noted(*(options[name] for name in ("name", "namespace", "result", "cause")))
        self._task.args = {**given, "state": "patched", "definitions": [record]}
        # The module of this name has only documentation, and the difference is of no use.
        self._task.action, self._task.diff = "varasys.zddc.apply", False
        return super().run(tmp, task_vars)
