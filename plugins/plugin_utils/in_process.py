# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Actions that run a module in the controller's own process, if the result is the same.

Starting Python and loading the Kubernetes library takes longer than the requests. Here the library is loaded once for all
hosts of a play.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any, ClassVar

from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action.normal import ActionModule as Normal

from ansible_collections.varasys.zddc.plugins.module_utils.cluster import api
from ansible_collections.varasys.zddc.plugins.module_utils.running import outcome


@dataclass
class Caller:
    """Stands in for the module."""

    params: dict[str, Any]
    check_mode: bool
    _diff: bool
    no_log_values: set[str]


class InProcess(Normal):
    """The base of an action with the name of its module."""

    argument_spec: ClassVar[dict[str, Any]]
    conditions: ClassVar[dict[str, Any]] = {}
    """Conditions between the options, as AnsibleModule takes them."""

    @staticmethod
    def work(caller: api.Caller) -> dict[str, Any]:
        """Do the work of the module."""
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        if not self._comes_to_the_same(task_vars or {}):
            return dict(super().run(tmp, task_vars))
        # As a module gets them: without the tags that Ansible attaches to values.
        self._task.args = json.loads(json.dumps(self._task.args, default=str))
        validation, options = self.validate_argument_spec(self.argument_spec, **self.conditions)
        caller = Caller(options, self._task.check_mode, self._task.diff, set(validation._no_log_values))
        with api.own_files():
            return dict(remove_values(outcome(self.work, caller), caller.no_log_values))

    def _comes_to_the_same(self, task_vars: dict[str, Any]) -> bool:
        """Check whether the module would run on this machine, as this user, with this Python and its environment."""
        return bool(
            api.HAS_CLIENT
            and self._connection.transport == "local"
            and not self._connection.become
            and self._templar.template(task_vars.get("ansible_python_interpreter")) == sys.executable
            and not any(self._task.environment or [])
            and not self._task.async_val
            and not self._task.timeout
        )
