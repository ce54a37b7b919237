# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The door for writes, with what kubernetes.core would give, and a cluster on the loopback that is asked beside it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.action import apply
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import outage

Object = dict[str, Any]

SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "docs"}}
INGRESS = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web", "namespace": "docs"}}
BUILDS = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"namespace": "docs", "labels": {"a": "b", "c": "d"}}}
PATH = "/api/v1/namespaces/docs/services/web"
WELL = {"changed": True, "result": {}}
BROKEN = {"failed": True, "exception": SimpleNamespace(event=SimpleNamespace(msg="it broke off"))}
LATE = {"failed": True, "msg": "not in time", "duration": 120, "method": "delete"}
# What decides where words do.
TEMPTING = (
    "Connection refused",
    'NewConnectionError: "code": 503, the cluster at https://a:1 refuses the connection',
    'User "ada" cannot delete resource "services" in API group "": ada needs this rule',
    "The cluster no longer answers",
)


def status(code: int, message: str = "it is so", kind: str = "Service") -> Object:
    """A failure with the API server's answer."""
    answer = {"kind": "Status", "message": message, "code": code, "details": {"kind": kind}}
    return {"failed": True, "msg": f"Failed to apply object: {json.dumps(answer)}", "reason": "Some Phrase"}


class Door(apply.ActionModule):
    """What is given in place of kubernetes.core's results, the last again and again; a function is called for one."""

    given: list[Any]

    def _execute_module(self, module_name: str | None = None, module_args: Any = None, **_more: Any) -> Object:
        assert module_name == "kubernetes.core.k8s"
        self.calls.append(module_args)
        one = self.given.pop(0) if len(self.given) > 1 else self.given[0]
        return dict(one() if callable(one) else one)

    def _remove_tmp_path(self, tmp_path: Any, force: bool = False) -> None:
        pass


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every sleep, which takes no time but on the door's clock."""
    slept: list[float] = []
    told = SimpleNamespace(sleep=slept.append, monotonic=lambda: 100 + sum(slept))
    monkeypatch.setattr(apply, "time", told)
    return slept


Write = Callable[..., tuple[Object, Door]]


@pytest.fixture
def write(cluster: Any, kubeconfig_for: Callable[..., str]) -> Write:
    """Run the door for a task, and give its result, and the door with the calls that it made."""
    kubeconfig = kubeconfig_for(cluster.address)

    def run(*given: Any, timeout: int = 0, check_mode: bool = False, **options: Any) -> tuple[Object, Door]:
        task = SimpleNamespace(
            action="varasys.zddc.apply",
            args={"kubeconfig": kubeconfig, "definitions": [SERVICE], "outage_timeout": 10, **options},
            check_mode=check_mode,
            diff=False,
            environment=[],
            async_val=0,
            timeout=timeout,
        )
        connection = SimpleNamespace(transport="local", become=None, _shell=SimpleNamespace(tmpdir=None))
        door = Door(task, connection, None, None, SimpleNamespace(template=lambda value: value), None)
        door.calls, door.given = [], list(given) or [WELL]
        return door.run(None, {"ansible_python_interpreter": sys.executable, "inventory_hostname": "here"}), door

    return run


def test_all_objects_in_one_call(write: Write) -> None:
    result, door = write({**WELL, "warnings": ["old"]}, definitions=[SERVICE, INGRESS], field_manager="me")
    (call,) = door.calls
    assert call.pop("kubeconfig")
    assert call == {
        "state": "present",
        "apply": True,
        "server_side_apply": {"field_manager": "me", "force_conflicts": True},
        "definition": [SERVICE, INGRESS],
    }
    assert result == {"changed": True, "managers": [], "warnings": ["old"], "diff": []}


def test_what_is_not_applied_is_created_or_patched(write: Write) -> None:
    for state in ("present", "patched"):
        assert write(state=state, wait=True, wait_timeout=9, wait_condition={"type": "Complete"})[1].calls[0].items() >= {
            "state": state, "definition": [SERVICE], "wait": True, "wait_timeout": 9, "wait_condition": {"type": "Complete"},
        }.items()  # fmt: skip
        assert "apply" not in write(state=state)[1].calls[0]


def test_nothing_to_write(write: Write) -> None:
    result, door = write(definitions=[])
    assert (result["changed"], door.calls) == (False, [])


def test_the_differences_of_all_objects(write: Write) -> None:
    results = {"results": [{"diff": {"before": 1}}, {"changed": True}, {"diff": {"before": 2}}]}
    assert write({"changed": True, "result": results})[0]["diff"] == [{"before": 1}, {"before": 2}]
    assert write({"changed": True, "result": {}, "diff": {"before": 1}})[0]["diff"] == [{"before": 1}]


def test_deletions_in_their_order(write: Write) -> None:
    one, two = ({**item, "metadata": {**item["metadata"], "uid": uid}} for item, uid in ((SERVICE, "u1"), (INGRESS, "u2")))
    records = [{**SERVICE, "metadata": {"name": name, "namespace": "docs"}} for name in ("v1", "v2")]
    _result, door = write(state="absent", definitions=[BUILDS, one, two, *records], propagation="Foreground")
    foreground = {"propagationPolicy": "Foreground"}
    assert [{key: value for key, value in call.items() if key not in ("kubeconfig", "state")} for call in door.calls] == [
        {
            "delete_options": foreground, "delete_all": True, "api_version": "batch/v1", "kind": "Job", "namespace": "docs",
            "label_selectors": ["a=b", "c=d"],
        },
        {"delete_options": {**foreground, "preconditions": {"uid": "u1"}}, "definition": [one]},
        {"delete_options": {**foreground, "preconditions": {"uid": "u2"}}, "definition": [two]},
        {"delete_options": foreground, "definition": records},
    ]  # fmt: skip
    assert {call["state"] for call in door.calls} == {"absent"}
    assert len(write(state="absent", definitions=records, wait=True)[1].calls) == 2


@pytest.mark.parametrize("message", ["it is so", *TEMPTING])
@pytest.mark.parametrize(
    ("code", "reason", "tries"),
    [(400, "refused", 1), (403, "forbidden", 1), (409, "refused", 1), (422, "refused", 1)]
    + [(code, "away", 5) for code in (429, 500, 502, 503, 504)],
)
def test_the_status_decides_and_no_word_does(write: Write, code: int, reason: str, tries: int, message: str) -> None:
    result, door = write(status(code, message), definitions=[SERVICE, INGRESS])
    assert (result["failed"], result["reason"], len(door.calls)) == (True, reason, tries)
    assert (result["msg"] == outage(10)) == (reason == "away")


@pytest.mark.parametrize(
    "failure", [BROKEN, {"failed": True, "msg": "some words"}, *({"failed": True, "msg": one} for one in TEMPTING)]
)
def test_without_a_status_the_cluster_decides(
    write: Write, cluster: Any, closed: int, kubeconfig_for: Callable[..., str], failure: Object
) -> None:
    def told(**options: Any) -> tuple[str, int]:
        result, door = write(failure, **options)
        return result["reason"], len(door.calls)

    # It answers: the fault is another's, if it lasts.
    assert told() == ("", 5)
    for code, expected in ((401, ("expired", 1)), (503, ("away", 5)), (404, ("refused", 1))):
        cluster.answers["/version"] = code
        assert told() == expected
    assert told(kubeconfig=kubeconfig_for(f"http://127.0.0.1:{closed}")) == ("away", 5)
    assert told(kubeconfig="/nowhere") == ("setup", 1)


def test_it_goes_on_when_the_cluster_is_back(
    write: Write, cluster: Any, clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    result, door = write(BROKEN, status(503), status(401), WELL)
    assert (result["changed"], "failed" in result, len(door.calls), clock) == (True, False, 4, [3, 3, 3])
    assert capsys.readouterr().err == "here: the cluster does not answer: waiting up to 10 s\n"
    cluster.answers["/version"] = 401
    assert write(status(401), WELL)[0] == {
        "changed": False, "warnings": [], "failed": True, "reason": "expired",
        "msg": f"The cluster at {cluster.address} does not accept the credentials (401). Renew them, or choose another context.",
    }  # fmt: skip


def test_an_outage_that_is_not_waited_for(write: Write, clock: list[float]) -> None:
    result, door = write(status(503), outage_timeout=0)
    assert (result["reason"], result["msg"], len(door.calls), clock) == ("away", outage(0), 1, [])


def test_a_call_that_hangs_is_given_up_once(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "LIMIT", -9)

    def hang() -> Object:
        time.sleep(5)
        return WELL

    begin = time.monotonic()
    result, door = write(hang, WELL, outage_timeout=10, wait_timeout=0)
    assert (result["reason"], len(door.calls)) == ("away", 1)
    assert time.monotonic() - begin < 3
    # The limit that the task has is Ansible's to keep.
    monkeypatch.setattr(apply, "limited", None)
    assert write(WELL, timeout=5)[0]["changed"]


def test_what_a_refusal_says(write: Write) -> None:
    words = {"set_by": {"Service": "web_service_*"}, "heading": "It is not taken: ", "note": "Fix it."}
    assert write(status(422), **words)[0]["msg"] == "It is not taken: web_service_*: it is so\nFix it."
    assert write(status(422))[0]["msg"] == "it is so"
    assert write(BROKEN, **words)[0]["msg"] == "It is not taken: it broke off\nFix it."


def test_a_deletion_that_fails_keeps_no_other_back(write: Write) -> None:
    objects = [{**item, "metadata": {**item["metadata"], "uid": "u"}} for item in (SERVICE, INGRESS, SERVICE)]
    words = {"state": "absent", "definitions": objects, "heading": "What stays: ", "note": "Look there."}
    result, door = write(LATE, WELL, status(409), **words)
    assert (len(door.calls), result["changed"], result["reason"]) == (3, True, "refused")
    assert (result["msg"], result["left"]) == ("What stays: not in time. it is so. Look there.", ["Service web", "Service web"])
    # A right is what to see to, and nothing else.
    result, _door = write(LATE, status(403), WELL, **words)
    assert (result["msg"], result["reason"]) == ("What stays: not in time. it is so", "forbidden")
    # Where the cluster is away, no other is tried.
    result, door = write(WELL, *[status(503)] * 9, **words)
    assert (result["msg"], result["left"], len(door.calls)) == (outage(10), ["Ingress web", "Service web"], 6)


OURS = {"manager": "me", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:a": {}}}}
THEIRS = {**OURS, "manager": "they", "operation": "Update", "fieldsV1": {"f:spec": {"f:b": {}}}}
LIVE = {**SERVICE, "metadata": {"name": "web", "resourceVersion": "7", "managedFields": [OURS, THEIRS]}, "spec": {"a": 1, "b": 2}}


@pytest.fixture
def adopt(write: Write, cluster: Any) -> Write:
    cluster.answers["/api/v1"] = {"resources": [{"name": "services", "kind": "Service", "namespaced": True}]}
    cluster.answers[PATH] = cluster.answers[f"PATCH {PATH}"] = LIVE
    return lambda *given, **options: write(*given, adopt=[SERVICE], field_manager="me", **options)


def test_what_others_have_added_is_adopted_first(adopt: Write, cluster: Any) -> None:
    result, door = adopt()
    assert (result["managers"], len(door.calls)) == (["they"], 1)
    ((verb, path, _query, (fields, version)),) = cluster.writes
    assert (verb, path, version["value"]) == ("PATCH", PATH, "7")
    assert [one["manager"] for one in fields["value"]] == ["me"]
    assert fields["value"][0]["fieldsV1"] == {"f:spec": {"f:a": {}, "f:b": {}}}
    # To ask again whether the cluster answers is no other adoption.
    assert adopt(BROKEN, WELL)[0]["managers"] == ["they"]
    assert len(cluster.writes) == 2
    assert adopt({"changed": False}, check_mode=True)[0]["changed"]
    assert not adopt({"changed": False}, allowed_managers=["they"])[0]["changed"]
    assert len(cluster.writes) == 2


def test_an_object_that_is_written_at_the_same_time(adopt: Write, cluster: Any) -> None:
    answers = [409, 409, LIVE]
    cluster.answers[f"PATCH {PATH}"] = lambda _query: answers.pop(0)
    assert (adopt()[0]["managers"], len(cluster.writes)) == (["they"], 3)
    cluster.answers[f"PATCH {PATH}"] = 409
    result, door = adopt()
    assert (result["reason"], door.calls, len(cluster.writes)) == ("refused", [], 13)


def test_nothing_is_applied_that_could_not_be_adopted(adopt: Write, cluster: Any) -> None:
    cluster.answers[PATH] = 403
    result, door = adopt()
    assert (result["reason"], door.calls) == ("forbidden", [])
    assert result["msg"].startswith(f"Service 'web' in namespace 'docs': the cluster at {cluster.address} denies access (403): ")
    cluster.answers[PATH] = 503
    result, door = adopt(outage_timeout=0)
    assert (result["reason"], result["msg"], door.calls) == ("away", outage(0), [])


def test_what_kubernetes_core_gives_indeed(
    cluster: Any, closed: int, kubeconfig_for: Callable[..., str], play: Callable[..., Any], tmp_path: Path
) -> None:
    refused = {"kind": "Status", "code": 422, "message": "no", "details": {"kind": "Service"}}
    resource = {"name": "services", "kind": "Service", "namespaced": True, "verbs": ["get", "patch"]}
    cluster.answers |= {
        "/apis": {"kind": "APIGroupList", "groups": []},
        "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [resource]},
        f"PATCH {PATH}": (422, refused),
    }
    options = {
        "definitions": [SERVICE],
        "field_manager": "me",
        "outage_timeout": 0,
        "kubeconfig": kubeconfig_for(cluster.address),
    }
    away = {"host": f"http://127.0.0.1:{closed}", "api_key": "s3cr3t", "kubeconfig": ""}
    tasks = [{"varasys.zddc.apply": one, "ignore_errors": True} for one in (options, {**options, **away})]
    variables = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    book = [{"hosts": "all", "gather_facts": False, "vars": variables, "tasks": tasks}]
    (tmp_path / "play.yml").write_text(json.dumps(book))
    results = play("-i", "here,", tmp_path / "play.yml").results
    assert [(one["reason"], one["msg"]) for one in results] == [("refused", "no"), ("away", outage(0))]
