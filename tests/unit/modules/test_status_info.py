# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What status says of an instance, from objects as the API gives them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.times import moment
from ansible_collections.varasys.zddc.plugins.module_utils.compare.objects import Compared
from ansible_collections.varasys.zddc.plugins.module_utils.watch.pods import Failure, Pod
from ansible_collections.varasys.zddc.plugins.module_utils.watch.rollout import Verdict
from ansible_collections.varasys.zddc.plugins.modules.status_info import age, built, only_stopped, other_build, row, state, url

MINE = {"name": "web", "labels": {"app.kubernetes.io/instance": "web"}}
THEIRS = {"name": "other", "labels": {"app.kubernetes.io/instance": "other"}}
PODS = [{"status": {}}, {"status": {"hostIP": "10.0.0.5"}}]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-1, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172799, "47h"), (172800, "2d")],
)
def test_age(seconds: int, shown: str) -> None:
    assert age(timedelta(seconds=seconds)) == shown


def service(metadata: dict[str, Any] = MINE, **port: Any) -> dict[str, Any]:
    return {"metadata": metadata, "spec": {"ports": [{"port": 80, **port}]}}


def ingress(host: str | None, path: str = "/", secured: tuple[str, ...] = ()) -> dict[str, Any]:
    rule = {"host": host, "http": {"paths": [{"path": path}]}}
    return {"metadata": MINE, "spec": {"rules": [rule], "tls": [{"hosts": list(secured)}]}}


@pytest.mark.parametrize(
    ("services", "ingresses", "pods", "shown"),
    [
        ([], [], [], ""),
        ([service(THEIRS)], [], [], ""),
        ([service()], [], PODS, "http://web.docs.svc:80/"),
        ([service(nodePort=30080)], [], PODS, "http://10.0.0.5:30080/"),
        ([service(nodePort=30080)], [], [{"status": {"hostIP": "fd00::5"}}], "http://[fd00::5]:30080/"),
        ([service(nodePort=30080)], [], [], "http://NODE:30080/"),
        ([service(nodePort=30080)], [ingress("a.example.org")], PODS, "http://a.example.org/"),
        ([service()], [ingress("a.example.org", "/docs", ("a.example.org",))], PODS, "https://a.example.org/docs"),
        ([service()], [ingress("a.example.org", "/", ("b.example.org",))], PODS, "http://a.example.org/"),
        ([service()], [ingress(None)], PODS, "http://web.docs.svc:80/"),
    ],
)
def test_url(services: list[Any], ingresses: list[Any], pods: list[Any], shown: str) -> None:
    assert url(SimpleNamespace(name="docs", services=services, ingresses=ingresses), "web", pods, None) == shown


PATHS = [{"matches": [{"path": {"type": "PathPrefix", "value": "/docs"}}]}]


@pytest.mark.parametrize(
    ("spec", "shown"),
    [
        ({"hostnames": ["a.example.org", "b.example.org"], "rules": PATHS}, "a.example.org/docs"),
        ({"hostnames": ["a.example.org"], "rules": [{}]}, "a.example.org/"),
        ({"hostnames": ["a.example.org"]}, "a.example.org/"),
        ({"rules": PATHS}, "http://web.docs.svc:80/"),
    ],
)
def test_url_of_a_route(spec: dict[str, Any], shown: str) -> None:
    record = {"data": {"objects": [{"kind": "Service"}, {"kind": "HTTPRoute", "spec": spec}]}}
    assert url(SimpleNamespace(name="docs", services=[service()], ingresses=[]), "web", PODS, record) == shown


def record(result: str) -> dict[str, Any]:
    return {"metadata": {"annotations": {"varasys.zddc/result": result}}}


@pytest.mark.parametrize(
    ("done", "failure", "wanted", "result", "shown"),
    [
        (True, None, 1, "served", "serves"),
        (True, None, 1, "unfinished", "serves, but its deploy did not finish"),
        (True, None, 0, "served", "stopped"),
        (False, None, 1, "served", "pod web-1: building"),
        (
            False,
            Failure("pod web-1: container build failed", "Pod", "web-1"),
            1,
            "failed",
            "failed: pod web-1: container build failed",
        ),
    ],
)
def test_state(done: bool, failure: Failure | None, wanted: int, result: str, shown: str) -> None:
    verdict = Verdict(done, failure, "pod web-1: building", replicas={"wanted": wanted})
    assert state(verdict, record(result)) == shown


def test_what_has_failed_for_long() -> None:
    """Nobody waits here: the time that a pod is given counts from when it began to wait."""
    seen = json.loads((Path(__file__).parents[1] / "recorded/no_node.json").read_text(encoding="utf-8"))[-1]
    objects = {kind: seen[kind] for kind in ("replicasets", "pods")} | {"deployments": [seen["deployment"]]}
    for item in (one for items in objects.values() for one in items):
        item["metadata"]["labels"] = MINE["labels"]
    (pod,) = seen["pods"]
    begun = moment(pod["status"]["conditions"][0]["lastTransitionTime"])

    def shown(seconds: int) -> str:
        api = SimpleNamespace(address="", now=begun + timedelta(seconds=seconds))
        namespace = SimpleNamespace(api=api, name="docs", records=[], services=[], ingresses=[], **objects)
        return str(row(namespace, "web", "", [])["state"])

    name, why = pod["metadata"]["name"], pod["status"]["conditions"][0]["message"]
    assert shown(9) == f"pod {name}: waiting for a node ({why})"
    assert shown(10) == shown(3600) == f"failed: pod {name} cannot be scheduled: {why}"


def test_only_stopped() -> None:
    def at(replicas: int, **more: Any) -> dict[str, Any]:
        return {"spec": {"replicas": replicas, **more}}

    assert only_stopped(Compared(at(0), at(1), {}))
    assert not only_stopped(Compared(at(2), at(1), {}))
    assert not only_stopped(Compared(at(0, paused=True), at(1), {}))
    assert not only_stopped(Compared(at(1, paused=True), at(1), {}))


RECORD = "build=1\ncommit=c0ffee\ngo=go1.24.4\nflags=-trimpath -race\nsha256=5c2e\n"


def pod_that_said(message: str) -> Pod:
    """Give a pod whose build left a message."""
    said = [{"name": "build", "state": {"terminated": {"exitCode": 0, "message": message}}}]
    return Pod("web-1", "u1", True, True, True, True, 0, "ready", 1000, seen={"status": {"initContainerStatuses": said}})


@pytest.mark.parametrize(
    ("message", "commit", "flags", "shown"),
    [
        (RECORD, "c0ffee", "-trimpath -race", ""),
        (RECORD, "c0ffee", None, ""),
        ("", "c0ffee", "-trimpath", ""),
        ("package main: no record", "c0ffee", "-trimpath", ""),
        (RECORD, "decade", "-trimpath -race", "commit c0ffee instead of decade"),
        (RECORD, "decade", "-x",
         "commit c0ffee instead of decade, and of flags -trimpath -race instead of -x"),
    ],
)  # fmt: skip
def test_another_build_than_was_asked_for(message: str, commit: str, flags: str | None, shown: str) -> None:
    pod, noted = pod_that_said(message), {"varasys.zddc/git-commit": commit}
    if flags:
        noted["varasys.zddc/build-flags"] = flags
    assert other_build(pod, noted) == (f"Pod web-1 runs a build of {shown}. Delete it to rebuild it." if shown else "")
    assert built(pod.seen).get("go") == ("go1.24.4" if message == RECORD else None)
