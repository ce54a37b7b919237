# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Events, logs and the report of them."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError
from ansible_collections.varasys.zddc.plugins.module_utils.watch.evidence import (
    Evidence,
    evidence,
    latest,
    report,
    shown,
    telling_line,
)
from ansible_collections.varasys.zddc.plugins.module_utils.watch.failures import logs
from ansible_collections.varasys.zddc.plugins.module_utils.watch.pods import Failure, Pod


def test_a_log_shows_no_headers() -> None:
    text = """2026/01/01 listening on :8080, email_header=X-Auth-Request-Email
level=DEBUG msg=request headers="map[Accept:[*/*] Cookie:[id=1]]"
{"level":"DEBUG","header":{"Accept":["*/*"]}}
{"level":"DEBUG","h":{"Accept":["*/*"]}}
http: map[X-Id:[1]]
Authorization: Basic eDp5
X-Request-Id: 1
x-auth-request-email: me@example.org
got bearer abc
zddc-server: ZDDC_ROOT is not writable
"""
    kept = [
        "2026/01/01 listening on :8080, email_header=X-Auth-Request-Email",
        "zddc-server: ZDDC_ROOT is not writable",
    ]
    assert shown(text, init=False) == (kept, 8)
    assert shown("Cookie: x\n", init=True) == (["Cookie: x"], 0)


def test_a_log_shows_no_control_characters() -> None:
    assert shown("\x1b[31mred\x1b[0m\x07\ttab\r\n" + "x" * 600, init=True) == (["red\ttab", "x" * 500], 0)


@pytest.mark.parametrize(
    ("log", "init", "line"),
    [
        (["# pkg", "./main.go:12:3: undefined: a", "cmd/x.go:1: b", "exit 1"], True, "./main.go:12:3: undefined: a"),
        (["one", "  two ", "", " "], True, "two"),
        (["panic: no root", "goroutine 1 [running]:", "main.go:12 +0x1d"], False, "panic: no root"),
        (["main.go:12: a log line", "no root"], False, "no root"),
        ([], False, ""),
    ],
)
def test_the_telling_line(log: list[str], init: bool, line: str) -> None:
    assert telling_line(log, init) == line


def test_the_latest_events() -> None:
    event = {"metadata": {}, "type": "Normal", "reason": "R"}
    events = [{**event, "message": f"{n}\n{n}", "lastTimestamp": f"2026-01-01T00:00:{n}Z"} for n in range(10, 25)]
    events.append({"metadata": {}, "type": "Warning", "reason": "S", "message": "s", "eventTime": "2026-01-01T00:00:23.5Z"})
    assert latest(events[::-1])[-2:] == ["Warning S s", "Normal R 24 24"] and len(latest(events)) == 10


def test_the_same_event_again_is_counted() -> None:
    about = {"metadata": {}, "type": "Warning", "reason": "FailedCreate", "involvedObject": {"name": "archive-7d4b"}}
    events = [
        {**about, "message": f'pods "archive-7d4b-{name}" is forbidden', "lastTimestamp": f"2026-01-01T00:00:{n}Z"}
        for n, name in enumerate(("x2x4k", "b8c9d", "zzzzz"), start=10)
    ]
    events += [
        {"metadata": {"creationTimestamp": "2026-01-01T00:00:01Z"}, "message": "Pulled", "count": 4},
        {"metadata": {"creationTimestamp": "2026-01-01T00:00:02Z"}, "message": "Pulled"},
        {"metadata": {"creationTimestamp": "2026-01-01T00:00:03Z"}, "message": "Started"},
    ]
    assert latest(events) == [
        "Pulled (5 times)",
        "Started",
        'Warning FailedCreate pods "archive-7d4b-zzzzz" is forbidden (3 times)',
    ]


def test_the_report() -> None:
    failure = Failure("pod p: container fetch failed", "Pod", "p", "u", "fetch", True, 128, "restart")
    found = Evidence(["a", "b"], 0, "b", ["Normal Pulled it"], [])
    assert report(failure, found, "kubectl --namespace n", ["repo", "ref"]) == (
        "pod p: container fetch failed: b\n"
        "container: fetch, exit code 128\n"
        "the end of its log:\n  a\n  b\n"
        "events:\n  Normal Pulled it\n"
        "decided by: repo, ref\n"
        "Next: fix the cause and deploy again; if that leaves the Deployment unchanged, restart the pod: "
        "kubectl --namespace n delete pod p"
    )


def test_a_short_report() -> None:
    found = Evidence([], 3, "", [], ["The events cannot be read: why."])
    assert report(Failure("pod p: still x after 5 s", "Pod", "p", container="c"), found, "kubectl -n n").splitlines() == [
        "pod p: still x after 5 s",
        "container: c",
        "the end of its log:",
        "3 lines with request headers left out",
        "The events cannot be read: why.",
        "Next: kubectl -n n describe pod p",
    ]
    paused = report(Failure("Deployment d is paused", "Deployment", "d", step="resume"), Evidence(), "kubectl -n n")
    assert paused.endswith("Next: kubectl -n n rollout resume deployment d")
    refused = report(Failure("ReplicaSet r: why", "ReplicaSet", "r", step="retry"), Evidence(), "kubectl -n n")
    assert refused.endswith(
        "Next: fix the cause, delete the ReplicaSet so that a new one retries immediately, and deploy again: "
        "kubectl -n n delete --cascade=orphan replicaset r"
    )


class Logs:
    """Answers for a container's log: of the instance before, or of the current one."""

    now = datetime.now()
    timeout = 1.0
    patience = 0

    def __init__(self, previous: str | ApiError, current: str) -> None:
        self.answers = {"true": previous, "false": current}

    def get(self, _path: str, **_query: Any) -> dict[str, Any]:
        return {"items": []}

    def read(self, _path: str, **query: Any) -> str:
        answer = self.answers[query["previous"]]
        if isinstance(answer, ApiError):
            raise answer
        return answer


NONE_BEFORE = ApiError("answers with an error (400)", status=400)


@pytest.mark.parametrize(
    ("previous", "before", "current", "log"),
    [
        (True, "before", "current", ["before"]),
        (False, "before", "current", ["current"]),
        (True, NONE_BEFORE, "current", ["current"]),
        (False, NONE_BEFORE, "current", ["current"]),
    ],
)
def test_the_log_is_that_of_the_instance_that_failed(
    previous: bool, before: str | ApiError, current: str, log: list[str]
) -> None:
    failure = Failure("", "Pod", "p", container="c", exit_code=1, previous=previous)
    assert evidence(Logs(before, current), "n", failure, 5).log == log


class StartsAnew(Logs):
    """Starts another instance of the container after the first answer."""

    def __init__(self) -> None:
        super().__init__(NONE_BEFORE, "it fails")

    def read(self, path: str, **query: Any) -> str:
        try:
            return super().read(path, **query)
        finally:
            self.answers = {"true": "it fails", "false": "begins once more"}


def test_the_log_is_that_of_the_instance_that_failed_where_another_starts_meanwhile() -> None:
    failure = Failure("", "Pod", "p", container="c", exit_code=1, previous=True)
    assert evidence(StartsAnew(), "n", failure, 5).log == ["it fails"]


def test_what_is_kept_has_the_log_of_the_instance_that_failed() -> None:
    seen = {"status": {"initContainerStatuses": [{"name": "c"}]}}
    pod = Pod("p", "", current=True, alive=True, running=True, ready=False, restarts=0, stage="", rank=0, seen=seen)
    assert ["it fails"] in dict(logs(StartsAnew(), "", pod)).values()


@pytest.mark.parametrize(
    "answer",
    [
        "unable to retrieve container logs for containerd://431c5bf8ce53",
        'failed to try resolving symlinks in path "/var/log/pods/p/build/0.log": lstat: no such file or directory',
        'failed to open log file "/var/log/pods/p/build/0.log": open: no such file or directory\n',
        # What it said is on its way to the file.
        "",
    ],
)
def test_an_answer_in_place_of_a_log_is_none(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    failure = Failure("", "Pod", "p", container="c", exit_code=1, previous=True)
    assert evidence(Logs(answer, "current"), "n", failure, 5).log == ["current"]
    assert not pauses
    assert evidence(Logs(answer, answer), "n", failure, 5).log == []
    assert pauses == [1, 1]


def test_an_instance_is_removed_while_its_successor_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = "unable to retrieve container logs for containerd://431c5bf8ce53"
    api = Logs(gone, gone)
    monkeypatch.setattr(time, "sleep", lambda _seconds: api.answers.update({"false": "it fails"}))
    failure = Failure("", "Pod", "p", container="c", exit_code=1, previous=True)
    assert evidence(api, "n", failure, 5).log == ["it fails"]
