# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reads the role's variables once: what is wrong with them, what to know before a deploy, and the instance that they make."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleTemplateError
from ansible.plugins.action import ActionBase

from ansible_collections.varasys.zddc.plugins.module_utils.names import PREFIX
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.facts import checked
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.options import mode_set


class ActionModule(ActionBase):
    """Check the variables."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Give the instance, or what is wrong."""
        super().run(tmp, task_vars)
        # All of it would be shown by -v.
        return {"_ansible_verbose_override": True, **checked(self.variables(task_vars or {}))}

    def variables(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Give every variable with the role's prefix, as plain data."""
        raw = {name: task_vars[name] for name in sorted(task_vars) if name.startswith(PREFIX)}
        mode = self._templar.template(raw[f"{PREFIX}mode"])
        # The defaults refer to the set of the mode; here it is read once.
        self._templar.available_variables = {**task_vars, "__zddc_server_set": mode_set(mode)}
        try:
            values = self._templar.template(raw)
        except AnsibleTemplateError:
            for name, value in raw.items():
                self.named(name, value)
            raise
        return dict(json.loads(json.dumps(values, default=str)))

    def named(self, name: str, value: Any) -> None:
        """Fail with the name of the variable where that one cannot be templated."""
        try:
            self._templar.template(value)
        except AnsibleTemplateError as error:
            raise AnsibleTemplateError(f"{name}: {error.message}") from None
