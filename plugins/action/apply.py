# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Makes all writes to the cluster: runs kubernetes.core.k8s, and retries while the cluster does not answer.

The module of the same name makes the other requests, in the controller's own process if possible.
"""

from __future__ import annotations

import time
from contextlib import nullcontext

from ansible import constants
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ansible_collections.varasys.zddc.plugins.action.rollout import SILENT
from ansible_collections.varasys.zddc.plugins.module_utils.apply import ARGUMENT_SPEC, ask
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.answers import refusal, status
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import (
    AWAY,
    EXPIRED,
    FORBIDDEN,
    REFUSED,
    SETUP,
    answered,
    outage,
)
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.times import OutOfTime, limited
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.plugin_utils.in_process import InProcess

DELAY = 3
"""Seconds between two tries."""
LIMIT = 30
"""Seconds for one try, in addition to those of an outage and of a wait: kubernetes.core waits for an answer forever."""
NO_WAY = (AWAY, EXPIRED, SETUP)
"""Reasons for which every other object would fail too."""
EXPIRED_CODE = 401
"""Counts as no answer: the next request may have new credentials."""


class ActionModule(InProcess):
    argument_spec = ARGUMENT_SPEC
    work = staticmethod(ask)
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: Object | None = None) -> Object:
        _validation, options = self.validate_argument_spec(self.argument_spec)
        adopted = super().run(tmp, task_vars) if options["adopt"] else {}
        if adopted.get("failed"):
            return told(adopted, options)
        groups, results = grouped(options), []
        for group in groups:
            results.append(self._written(call(group, options), options, task_vars or {}))
            if results[-1].get("failed") and (options["state"] != "absent" or results[-1]["reason"] in NO_WAY):
                break
        done = {
            "changed": any(result.get("changed") for result in (adopted, *results)),
            "warnings": [warning for result in results for warning in result.get("warnings", [])],
        }
        if any(result.get("failed") for result in results):
            return done | failure(groups, results, options)
        diffs = [one["diff"] for result in results for one in parts(result) if one.get("diff")]
        return done | {"managers": adopted.get("managers", []), "diff": diffs}

    def _written(self, arguments: Object, options: Object, task_vars: Object) -> Object:
        """Repeat a call until the cluster answers or the time for that is over, and return its result."""
        since, patience = 0.0, options["outage_timeout"]
        while (result := self._tried(arguments, options, task_vars)).get("failed"):
            first, since = not since, since or time.monotonic()
            over = "timedout" in result or time.monotonic() - since >= patience
            result = self._judged(result, task_vars)
            if over or result["reason"] not in (AWAY, ""):
                break
            if first:
                self._say(f"{task_vars.get('inventory_hostname')}: the cluster does not answer: waiting up to {patience} s")
            time.sleep(DELAY)
        return result

    def _say(self, line: str) -> None:
        """Show a line where those of a wait are shown."""
        if constants.config.get_config_value("DEFAULT_STDOUT_CALLBACK").rpartition(".")[2] not in SILENT:
            self._display.display(line, stderr=True)

    def _tried(self, arguments: Object, options: Object, task_vars: Object) -> Object:
        limit = options["outage_timeout"] + options["wait_timeout"] + LIMIT
        try:
            # The task's own timeout takes precedence.
            with nullcontext() if self._task.timeout else limited(limit):
                return dict(self._execute_module("kubernetes.core.k8s", module_args=dict(arguments), task_vars=task_vars))
        except OutOfTime:
            return {"failed": True, "timedout": {"period": limit}}
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)

    def _judged(self, result: Object, task_vars: Object) -> Object:
        """Return why a try failed: from the API server's answer or, without one, from a request made here."""
        # A module that crashed has no message.
        said = str(result.get("msg") or getattr(getattr(result.get("exception"), "event", None), "msg", ""))
        answer = status(said)
        code = answer.get("code", EXPIRED_CODE)
        if "timedout" in result:
            reason = AWAY
        elif "duration" in result:
            # The write succeeded, and the wait after it timed out.
            reason = REFUSED
        elif code != EXPIRED_CODE:
            reason = answered(code, answer["message"]).reason
        else:
            self._task.args = {**self._task.args, "adopt": []}
            asked = super().run(None, task_vars)
            reason, said = asked.get("reason", ""), asked.get("msg", said)
        return {"failed": True, "reason": reason, "msg": said}


def grouped(options: Object) -> list[list[Object]]:
    """Return the objects of each call. A call is a process that takes seconds to start, and ends at the first rejected object;
    an object that is waited for, or found by its UID or labels, has its own call."""
    groups: list[list[Object]] = []
    alone = True
    for definition in options["definitions"]:
        before, metadata = alone, definition["metadata"]
        alone = options["wait"] or (options["state"] == "absent" and ("uid" in metadata or "name" not in metadata))
        if alone or before:
            groups.append([definition])
        else:
            groups[-1].append(definition)
    return groups


def call(group: list[Object], options: Object) -> Object:
    """Return the arguments of kubernetes.core.k8s."""
    arguments = {name: options[name] for name in AUTH_ARG_SPEC if options.get(name) is not None}
    arguments["state"] = options["state"]
    if options["wait"]:
        arguments |= {"wait": True, "wait_sleep": 1, "wait_timeout": options["wait_timeout"]}
        arguments |= {"wait_condition": options["wait_condition"]} if options["wait_condition"] else {}
    if options["state"] == "absent":
        return arguments | deletion(group, options["propagation"])
    if options["state"] == "present" and options["field_manager"]:
        manager = {"field_manager": options["field_manager"], "force_conflicts": True}
        arguments |= {"apply": True, "server_side_apply": manager}
    return arguments | {"definition": group}


def deletion(group: list[Object], propagation: str | None) -> Object:
    """Return the arguments that name what to delete, and how."""
    metadata = group[0]["metadata"]
    how: Object = {"propagationPolicy": propagation} if propagation else {}
    how |= {"preconditions": {"uid": metadata["uid"]}} if "uid" in metadata else {}
    arguments: Object = {"delete_options": how} if how else {}
    if "name" not in metadata:
        labels = [f"{key}={value}" for key, value in metadata["labels"].items()]
        kind = {"api_version": group[0]["apiVersion"], "kind": group[0]["kind"], "namespace": metadata["namespace"]}
        return arguments | kind | {"label_selectors": labels, "delete_all": True}
    return arguments | {"definition": [{key: one[key] for key in ("apiVersion", "kind", "metadata")} for one in group]}


def failure(groups: list[list[Object]], results: list[Object], options: Object) -> Object:
    """Return a result for the calls that failed and the calls that were not made."""
    failures = [result for result in results if result.get("failed")]
    reasons = {one["reason"] for one in failures}
    reason = next((one for one in (*NO_WAY, FORBIDDEN, REFUSED) if one in reasons), "")
    deleting = options["state"] == "absent"
    message = ". ".join(refusal(one["msg"], options["set_by"]) for one in failures)
    if reason not in NO_WAY:
        # The message names the missing right, which is all that the user has to fix.
        note = "" if deleting and reason == FORBIDDEN else options["note"]
        message = (". " if deleting else "\n").join(filter(None, [options["heading"] + message, note]))
    left = [
        " ".join(filter(None, [one["kind"], one["metadata"].get("name")]))
        for number, group in enumerate(groups)
        for one in group
        if number >= len(results) or results[number].get("failed")
    ]
    what = {"left": left} if deleting else {}
    return told({"failed": True, "reason": reason, "msg": message, **what}, options)


def told(failed: Object, options: Object) -> Object:
    """Return a failure, with the message of an outage if the cluster does not answer."""
    return {**failed, "msg": outage(options["outage_timeout"])} if failed.get("reason") == AWAY else failed


def parts(result: Object) -> list[Object]:
    """Return the results for the objects of a call."""
    return list((result.get("result") or {}).get("results") or [result])
