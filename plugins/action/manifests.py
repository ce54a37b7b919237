# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Renders the manifests of an instance, or its Jobs: the one that builds for its Deployment, those that unmount."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.varasys.zddc.plugins.module_utils.manifest import as_yaml
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance import render
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.files import Taken, update
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.options import Options

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "instance": {"type": "dict", "required": True},
    "source": {"type": "dict"},
    "deployment": {"type": "dict"},
    "mounted": {"type": "list", "elements": "dict"},
    "folder": {"type": "path"},
}


class ActionModule(ActionBase):
    """Render manifests."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the manifests."""
        super().run(tmp, task_vars)
        # JSON strips the tags that Ansible attaches to values.
        self._task.args = json.loads(json.dumps(self._task.args))
        _validation, given = self.validate_argument_spec(ARGUMENT_SPEC, required_one_of=[("source", "deployment", "mounted")])
        options, source = Options(given["instance"]["options"]), given["source"]
        if given["deployment"]:
            found = [render.build_job(options, given["deployment"])]
        elif given["mounted"] is not None:
            found = [render.unmount_job(options, pod) for pod in given["mounted"]]
        else:
            found = render.manifests(options, render.Source(source["commit"], source.get("at", ""), source.get("signature")))
        result: dict[str, Any] = {"_ansible_verbose_override": True, "changed": False, "manifests": found}
        if given["folder"]:
            texts = [as_yaml(one, sort_keys=False) for one in found]
            try:
                diff = update(
                    Path(given["folder"]), dict(zip(render.file_names(options), texts, strict=True)), self._task.check_mode
                )
            except (Taken, OSError) as error:
                return {"failed": True, "msg": refusal(error)}
            result |= {"changed": bool(diff), "diff": diff}
        return result


def refusal(error: Exception) -> str:
    """Return why nothing can be written."""
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}. Fix that, or name another folder."
    taken = f"{error}: not written by a rendering, so it is not overwritten."
    return f"{taken} Nothing was changed. Move it away, or name another folder."
