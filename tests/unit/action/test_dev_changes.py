# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What dev wrote: which pod is asked, and what comes of what kubernetes.core would give."""

from __future__ import annotations

import base64
import copy
import json
import shlex
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.action import dev_changes
from ansible_collections.varasys.zddc.plugins.module_utils.dev_changes import reached

Object = dict[str, Any]

PODS = "/api/v1/namespaces/docs/pods"
RUNNING: Object = {"running": {"startedAt": "now"}}
POD: Object = {
    "metadata": {"name": "web-1"},
    "spec": {"containers": [{"name": "server", "securityContext": {"runAsUser": 0}}, {"name": "proxy"}]},
    "status": {"containerStatuses": [{"name": "server", "state": RUNNING}, {"name": "proxy", "state": RUNNING}]},
}
LIST = {"stdout": base64.b64encode(b"added\x001\x00a\x00end\x00\x00\x00").decode(), "stderr": "", "rc": 0}
WELL = {"rc": 0}
FORBIDDEN = 'User "ada" cannot get resource "pods/exec" in API group "" in the namespace "docs"'

DENIED = json.dumps({"message": f"web is forbidden: {FORBIDDEN}", "code": 403})


class Door(dev_changes.ActionModule):
    """What is given in place of the modules' results, by what is asked for."""

    given: Object

    def _execute_module(self, module_name: str | None = None, module_args: Any = None, **_more: Any) -> Object:
        assert (module_args["namespace"], module_args["pod"], module_args["container"]) == ("docs", "web-1", "server")
        if module_name == "kubernetes.core.k8s_cp":
            asked = module_args["remote_path"].rpartition("/")[2]
            self.copied[asked] = module_args["local_path"]
        else:
            shell, option, script, name, asked = shlex.split(module_args["command"])
            assert (shell, option, name, "upper" in script) == ("sh", "-c", "sh", True)
        self.asked.append(asked)
        return dict(self.given.get(asked, WELL))

    def _execute_remote_stat(self, path: str, *_unused: Any, **_more: Any) -> Object:
        return {"exists": path == "/there.tar"}


Ask = Callable[..., tuple[Object, Door]]


@pytest.fixture
def ask(cluster: Any, kubeconfig_for: Callable[..., str]) -> Ask:
    cluster.answers[PODS] = {"items": [POD]}
    place = {"name": "web", "namespace": "docs", "owner_labels": {"a": "b"}, "kubeconfig": kubeconfig_for(cluster.address)}

    def run(given: Object | None = None, check_mode: bool = False, **options: Any) -> tuple[Object, Door]:
        task = SimpleNamespace(
            action="varasys.zddc.dev_changes",
            args={**place, **options},
            check_mode=check_mode,
            diff=False,
            environment=[],
            async_val=0,
            timeout=0,
        )
        connection = SimpleNamespace(transport="local", become=None, _shell=SimpleNamespace(tmpdir=None))
        door = Door(task, connection, None, None, SimpleNamespace(template=lambda value: value), None)
        door.asked, door.copied, door.given = [], {}, given or {"list": LIST}
        return door.run(None, {"ansible_python_interpreter": sys.executable}), door

    return run


def test_the_list(ask: Ask, cluster: Any) -> None:
    result, door = ask()
    assert result == {
        "changed": False,
        "pod": "web-1",
        "container": "server",
        "changes": [{"change": "added", "size": "1", "path": "a"}],
        "counts": {"added": 1, "changed": 0, "deleted": 0},
        "own": 0,
    }
    assert door.asked == ["list"]
    assert cluster.requests == [(PODS, {"labelSelector": ["a=b,varasys.zddc/mode=dev"]})]


def test_the_archive(ask: Ask) -> None:
    result, door = ask(archive="/here.tar")
    assert (result["changed"], door.asked) == (True, ["pack", "changes.tar", "changes.deleted", "forget"])
    assert door.copied == {"changes.tar": "/here.tar", "changes.deleted": "/here.tar.deleted"}
    result, door = ask(archive="/here.tar", check_mode=True)
    assert (result["changed"], door.asked) == (False, [])
    result, door = ask(archive="/there.tar")
    assert (result["msg"], door.asked) == ("archive: /there.tar already exists. Remove it, or name another.", [])


@pytest.mark.parametrize(
    ("failure", "reason", "message"),
    [
        ({"rc": 3, "stderr": "this container has no upper layer\n"}, "", "this container has no upper layer"),
        (
            {"failed": True, "msg": f"Handshake status 403 -+-+- {{'date': 'now'}} -+-+- {DENIED}"},
            "forbidden",
            f"zddc_server_kubeconfig: {FORBIDDEN}. ada needs this rule, in a Role in namespace 'docs': "
            '{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get"]}. All that the playbooks need: '
            'docs/operations.md, "Rights".',
        ),
        ({"failed": True, "msg": json.dumps({"message": "no node answers", "code": 500})}, "away", "no node answers"),
    ],
)
@pytest.mark.parametrize(
    ("where", "asked"),
    [("list", ["list"]), ("pack", ["pack", "forget"]), ("changes.tar", ["pack", "changes.tar", "forget"])],
)
def test_what_failed_in_the_pod(ask: Ask, failure: Object, reason: str, message: str, where: str, asked: list[str]) -> None:
    archive = {} if where == "list" else {"archive": "/here.tar"}
    # What is left in the pod is no failure of its own.
    result, door = ask({where: failure, "forget": {"rc": 1}}, **archive)
    assert result == {"failed": True, "msg": message, "reason": reason}
    assert door.asked == asked


def test_a_list_that_did_not_come_whole(ask: Ask) -> None:
    result, _door = ask({"list": {**LIST, "stdout": ""}})
    assert (result["failed"], result["msg"]) == (
        True,
        "The pod sent an incomplete list of changes. Rerun this.",
    )


def test_no_pod_that_reaches_it(ask: Ask, cluster: Any) -> None:
    cluster.answers[PODS] = {"items": []}
    result, door = ask()
    assert (result["msg"], door.asked) == (
        "No running pod of web in namespace docs has access to its overlay. What a pod wrote is lost with the pod. Deploy the "
        "instance, with zddc_server_overlay_mounter 'auto', 'server' or 'sidecar'.",
        [],
    )


def test_a_cluster_that_does_not_give_them(ask: Ask, cluster: Any) -> None:
    cluster.answers[PODS] = 503
    where = f"The pods of web in namespace docs: the cluster at {cluster.address}"
    assert ask()[0]["msg"] == f"{where} answers with an error (503): message of 503."
    said = FORBIDDEN.replace("get", "list").replace("pods/exec", "pods")
    cluster.answers[PODS] = (403, {"kind": "Status", "message": f"pods is forbidden: {said}"})
    assert ask()[0]["msg"].startswith(f"zddc_server_kubeconfig: {said}. ada needs this rule, in a Role in namespace 'docs': ")


def test_who_reaches_it() -> None:
    assert reached([]) is None
    assert reached([POD]) == ("web-1", "server")
    ending = {**POD, "metadata": {"name": "web-0", "deletionTimestamp": "now"}}
    assert reached([ending, POD]) == ("web-1", "server")
    waiting = copy.deepcopy(POD)
    waiting["status"]["containerStatuses"][0]["state"] = {"waiting": {}}
    unprivileged = copy.deepcopy(POD)
    unprivileged["spec"]["containers"][0]["securityContext"] = {"runAsUser": 1}
    assert reached([waiting, unprivileged, {**POD, "status": {}}]) is None
    sidecar = copy.deepcopy(unprivileged)
    sidecar["spec"]["initContainers"] = [{"name": "overlay", "securityContext": {"runAsUser": 0}}]
    sidecar["status"]["initContainerStatuses"] = [{"name": "overlay", "state": RUNNING}]
    assert reached([sidecar]) == ("web-1", "overlay")
