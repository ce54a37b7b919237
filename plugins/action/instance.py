# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reads the role's variables once, and returns their problems, or the instance that they make and cautions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleTemplateError
from ansible.plugins.action import ActionBase

from ansible_collections.varasys.zddc.plugins.module_utils.names import PREFIX
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.facts import checked, failure
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.options import mode_set

MODE = f"{PREFIX}mode"


class ActionModule(ActionBase):
    """Check the variables."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the instance, or the problems."""
        super().run(tmp, task_vars)
        values, unreadable = self.values(task_vars or {})
        # Otherwise -v would show all of it.
        return {"_ansible_verbose_override": True, **(failure(unreadable) if unreadable else checked(values))}

    def values(self, task_vars: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Return every variable with the role's prefix as plain data, and a message for each that cannot be read."""
        values: dict[str, Any] = {}
        problems = []
        # The mode comes first: the defaults refer to its set, which is read once.
        for name in sorted((name for name in task_vars if name.startswith(PREFIX)), key=lambda name: (name != MODE, name)):
            try:
                # A variable set to omit disappears here.
                values |= self._templar.template({name: task_vars[name]})
            except AnsibleTemplateError as error:
                problems.append(f"{name}: {str(error.message).rstrip('.')}.")
            if name == MODE:
                self._templar.available_variables = {**task_vars, "__zddc_server_set": mode_set(values.get(MODE))}
        return dict(json.loads(json.dumps(values, default=str))), problems
