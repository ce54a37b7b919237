# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Renders the manifests of an instance, or the Job that builds for its Deployment."""

from __future__ import annotations

import json
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.options import Options
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.render import Source, build_job, manifests

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "instance": {"type": "dict", "required": True},
    "source": {"type": "dict"},
    "deployment": {"type": "dict"},
}


class ActionModule(ActionBase):
    """Render manifests."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Give the manifests."""
        super().run(tmp, task_vars)
        # Without what the controller notes of a value.
        self._task.args = json.loads(json.dumps(self._task.args))
        _validation, given = self.validate_argument_spec(ARGUMENT_SPEC, required_one_of=[("source", "deployment")])
        options, source = Options(given["instance"]["options"]), given["source"]
        if given["deployment"]:
            found = [build_job(options, given["deployment"])]
        else:
            found = manifests(options, Source(source["commit"], source.get("at", ""), source.get("signature")))
        return {"_ansible_verbose_override": True, "changed": False, "manifests": found}
