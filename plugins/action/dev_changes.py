# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Lists what a pod of dev wrote, or packs it, with changes.sh in that pod. The module of the same name finds the pod."""

from __future__ import annotations

import shlex
from contextlib import suppress

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.answers import refusal, status
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import answered
from ansible_collections.varasys.zddc.plugins.module_utils.dev_changes import ARGUMENT_SPEC, find, listed
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.plugin_utils.in_process import InProcess
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.pods import DIRS
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.render import scripts


class Failed(Exception):
    """A module of kubernetes.core failed, or the command that it ran in the pod."""


class ActionModule(InProcess):
    argument_spec = ARGUMENT_SPEC
    work = staticmethod(find)
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: Object | None = None) -> Object:
        self.variables = task_vars or {}
        _validation, options = self.validate_argument_spec(self.argument_spec)
        archive = options["archive"]
        if archive and self._execute_remote_stat(archive, self.variables, follow=False, checksum=False)["exists"]:
            return {"failed": True, "msg": f"archive: {archive} already exists. Remove it, or name another."}
        found = super().run(tmp, task_vars)
        if found.get("failed") or (archive and self._task.check_mode):
            return found
        self.place = {name: options[name] for name in AUTH_ARG_SPEC if options.get(name) is not None}
        self.place |= {"namespace": options["namespace"], "pod": found["pod"], "container": found["container"]}
        try:
            if archive:
                self._pack(archive)
                return {**found, "changed": True}
            told = listed(self._script("list")["stdout"])
        except Failed as failed:
            said = str(failed)
            answer = status(said)
            reason = answered(answer.get("code", 0), answer["message"]).reason if answer else ""
            return {"failed": True, "msg": refusal(said), "reason": reason}
        if told is None:
            return {"failed": True, "msg": "The pod sent an incomplete list of changes. Rerun this."}
        return {**found, **told}

    def _pack(self, archive: str) -> None:
        """Copy what was written into the archive, and the paths of what was deleted into a file beside it."""
        try:
            self._script("pack")
            for kind, path in (("tar", archive), ("deleted", f"{archive}.deleted")):
                remote = f"{DIRS['scratch']}/changes.{kind}"
                self._ask("k8s_cp", state="from_pod", remote_path=remote, local_path=path, no_preserve=True)
        finally:
            with suppress(Failed):
                self._script("forget")

    def _script(self, part: str) -> Object:
        return self._ask("k8s_exec", command=shlex.join(["sh", "-c", scripts()["changes"], "sh", part]))

    def _ask(self, module: str, **arguments: object) -> Object:
        """Run a module of kubernetes.core on the pod, and return its result."""
        arguments = {**self.place, **arguments}
        result = self._execute_module(f"kubernetes.core.{module}", module_args=arguments, task_vars=self.variables)
        if result.get("failed") or result.get("rc"):
            raise Failed(result.get("msg") or result.get("stderr", ""))
        return dict(result)
