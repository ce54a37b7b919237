# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The lines of a rollout: each stage once, in order, whatever two looks miss."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.times import moment
from ansible_collections.varasys.zddc.plugins.module_utils.watch.pods import Signs, judge_pod
from ansible_collections.varasys.zddc.plugins.module_utils.watch.progress import Progress
from ansible_collections.varasys.zddc.plugins.module_utils.watch.rollout import Verdict, assess

BEGIN = moment("2026-01-01T00:00:00Z")
STAGES = {"fetch": "fetching", "build": "building", "overlay": "mounting", "server": "starting"}


def at(seconds: float) -> str:
    return (BEGIN + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def made(name: str = "new", *began: float | None, ready: float | None = None, ended: bool = False) -> dict[str, Any]:
    """A pod that is scheduled at its first time, whose containers begin at the others and end with the next's begin."""
    scheduled, *starts = began or (None,)
    names = ("fetch", "build", "server")
    statuses = []
    for place, one in enumerate(names):
        start = starts[place] if place < len(starts) else None
        following = starts[place + 1] if place + 1 < len(starts) else None
        state: dict[str, Any] = {"waiting": {"reason": "PodInitializing"}}
        if start is not None:
            state = {"running": {"startedAt": at(start)}}
        if following is not None or (ended and start is not None):
            state = {"terminated": {"exitCode": 0, "startedAt": at(start)}}
        statuses.append({"name": one, "state": state, "ready": ready is not None})
    conditions = []
    if scheduled is not None:
        conditions.append({"type": "PodScheduled", "status": "True", "lastTransitionTime": at(scheduled)})
    if ready is not None:
        conditions.append({"type": "Ready", "status": "True", "lastTransitionTime": at(ready)})
    return {
        "metadata": {"name": name, "uid": name},
        "spec": {
            "nodeName": "node-1",
            "initContainers": [{"name": one} for one in names[:2]],
            "containers": [{"name": names[2]}],
        },
        "status": {"conditions": conditions, "initContainerStatuses": statuses[:2], "containerStatuses": statuses[2:]},
    }


def ending(pod: dict[str, Any]) -> dict[str, Any]:
    return {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": at(0)}}


class Told:
    """What is told at each look; the cluster answers for logs alone."""

    timeout = 10.0

    patience = 0

    def __init__(self, stages: dict[str, str] | None = None, logs: str | ApiError = "", wanted: int = 1) -> None:
        self.lines: list[str] = []
        self.logs = logs
        self.asked: list[dict[str, Any]] = []
        self.wanted = wanted
        self.now = BEGIN
        self.progress = Progress(self, "docs", STAGES if stages is None else stages, self.lines.append)

    def get(self, _path: str, **_query: Any) -> dict[str, Any]:
        raise AssertionError("asks for logs alone")

    def read(self, path: str, **query: Any) -> str:
        assert self.timeout <= 2
        self.asked.append({"path": path, **query})
        if isinstance(self.logs, ApiError):
            raise self.logs
        return self.logs

    def look(
        self,
        seconds: float,
        *fresh: Any,
        old: tuple[Any, ...] = (),
        done: bool = False,
        events: list[Any] | None = None,
    ) -> list[str]:
        """The lines of one look."""
        self.now = BEGIN + timedelta(seconds=seconds)
        signs = Signs({pod["metadata"]["uid"]: events or [] for pod in fresh})
        pods = [judge_pod(pod, True, signs) for pod in fresh] + [judge_pod(pod, False) for pod in old]
        pods = sorted(pods, key=lambda pod: (pod.rank, pod.name))
        before = len(self.lines)
        self.progress.look(Verdict(done, None, "", "1", {"wanted": self.wanted}, tuple(pods)))
        return self.lines[before:]


def test_each_stage_once_in_order() -> None:
    told = Told({name: word for name, word in STAGES.items() if name != "overlay"})
    assert told.look(0) == []
    assert told.look(1, made("new", 1)) == ["  1 s  scheduled on node-1"]
    assert told.look(3, made("new", 1, 2)) == ["  2 s  fetching"]
    assert told.look(4, made("new", 1, 2)) == []
    assert told.look(5, made("new", 1, 2, 5)) == ["  5 s  building"]
    assert told.look(9, made("new", 1, 2, 5, 8)) == ["  8 s  starting"]
    assert told.look(12, made("new", 1, 2, 5, 8, ready=11), done=True) == [" 11 s  ready"]


def test_what_two_looks_miss_is_told_from_the_times_in_the_status() -> None:
    told = Told()
    told.look(0)
    assert told.look(30, made("new", 1, 2, 5, 28, ready=29), done=True) == [
        "  1 s  scheduled on node-1",
        "  2 s  fetching",
        "  5 s  building",
        " 28 s  starting",
        " 29 s  ready",
    ]


def test_no_line_is_earlier_than_the_one_before() -> None:
    told = Told()
    told.look(0)
    told.look(5, made("new", 4))
    assert told.look(6, made("new", 4, 2)) == ["  4 s  fetching"]
    assert Told().look(0, made("new", -5)) == ["  0 s  scheduled on node-1"]


def test_other_containers_have_plain_words() -> None:
    told = Told({})
    told.look(0)
    lines = told.look(9, made("new", 1, 2, 3, 4))
    assert lines == [
        "  1 s  scheduled on node-1",
        "  2 s  running fetch",
        "  3 s  running build",
        "  4 s  starting server",
    ]
    assert told.asked == []


def test_nothing_is_told_of_what_serves_already() -> None:
    assert Told().look(0, made("new", -9, -8, -7, -6, ready=-5), done=True) == []


def test_of_a_pod_that_served_before_only_what_follows_is_told() -> None:
    told, new, old = Told(), made("new", -99, -98, -97, -96, ready=-90), made("old", -200, -199, -198, -197)
    assert told.look(0, new, old=(ending(old),)) == ["  0 s  waiting for the old old to end"]
    assert told.look(4, new, done=True) == ["  4 s  only the new revision runs"]


def test_recreate_waits_for_the_old_pod_first() -> None:
    told, old = Told(), made("old", -99, -98, -97, -96)
    assert told.look(0, old=(old,)) == []
    assert told.look(1, old=(ending(old),)) == ["  1 s  waiting for the old old to end"]
    assert told.look(2, old=(ending(old),)) == []
    assert told.look(7, made("new", 6)) == ["  6 s  scheduled on node-1"]
    assert told.look(9, made("new", 6, 7, 7, 8, ready=9), done=True)[-1] == "  9 s  ready"


def test_a_rolling_update_waits_for_the_old_pod_last() -> None:
    told, new, old = Told(), made("new", 1, 2, 3, 4), made("old", -99, -98, -97, -96)
    told.look(0, old=(old,))
    told.look(7, new, old=(old,))
    ready = made("new", 1, 2, 3, 4, ready=8)
    assert told.look(8, ready, old=(old,)) == ["  8 s  ready"]
    assert told.look(10, ready, old=(ending(old),)) == [" 10 s  waiting for the old old to end"]
    assert told.look(15, ready, done=True) == [" 15 s  only the new revision runs"]


def test_a_pod_that_is_replaced_begins_anew() -> None:
    told = Told()
    told.look(0)
    told.look(2, made("one", 1, 2))
    assert told.look(9, made("two", 8)) == [
        "  9 s  the new pod is gone, two replaces it",
        "  9 s  scheduled on node-1",
    ]
    assert told.look(10, made("two", 8, 10)) == [" 10 s  fetching"]


def test_of_several_pods_the_first_is_told_and_each_that_is_ready() -> None:
    told = Told(wanted=3)
    told.look(0)
    one, two, three = made("a", 1, 2, 3), made("b", 1, 2), made("c", 1)
    assert told.look(3, one, two, three) == ["  1 s  scheduled on node-1", "  2 s  fetching", "  3 s  building"]
    one = made("a", 1, 2, 3, 4, ready=5)
    assert told.look(5, one, two, three) == ["  4 s  starting", "  5 s  ready, 1 of 3"]
    two = made("b", 1, 2, 3, 4, ready=6)
    assert told.look(6, one, two, three) == ["  6 s  ready, 2 of 3"]


def test_a_stage_that_lasts_is_told_again_if_there_is_news() -> None:
    told, building = Told(), made("new", 0, 1, 2)
    told.look(0)
    told.look(2, building)
    told.logs = "build: package 7: crypto/tls\n"
    assert told.look(11, building) == [] and told.asked == []
    assert told.look(12, building) == [" 12 s  building: package 7: crypto/tls"]
    assert told.asked == [{"path": "/api/v1/namespaces/docs/pods/new/log", "container": "build", "tailLines": 1}]
    assert told.look(15, building) == []
    assert told.look(22, building) == [] and len(told.asked) == 2
    told.logs = "unable to retrieve container logs for containerd://431c"
    assert told.look(32, building) == []
    told.logs = "package 8\x1b[31m"
    assert told.look(42, building) == [" 42 s  building: package 8"]
    told.logs = "build:   sha256=0123\n"
    assert told.look(52, building) == []


def test_a_log_that_cannot_be_read_is_no_matter() -> None:
    told = Told(logs=ApiError("refuses (403)", status=403))
    told.look(0)
    told.look(2, made("new", 0, 1, 2))
    assert told.look(20, made("new", 0, 1, 2)) == []
    assert told.look(21, made("new", 0, 1, 2, 21)) == [" 21 s  starting"]
    assert told.timeout == 10


def test_an_event_tells_why_a_stage_lasts() -> None:
    told = Told()
    event = {"type": "Warning", "reason": "FailedMount", "message": "MountVolume.SetUp failed", "metadata": {}}
    told.look(0)
    told.look(1, made("new", 0))
    assert told.look(11, made("new", 0), events=[event]) == [" 11 s  starting fetch: MountVolume.SetUp failed"]
    assert told.look(30, made("new", 0), events=[event]) == []


MOUNTING = f"{at(8.25)[:-1]}44556Z overlay: mounting at /srv\n"
STARTING = "2026-01-01T01:00:09.1+01:00 server: starting\n"


def test_a_container_says_what_it_does() -> None:
    told = Told()
    told.look(0)
    told.look(7, made("new", 1, 2, 5))
    began = made("new", 1, 2, 5, 8)
    assert told.look(8, began) == []
    told.logs = MOUNTING
    assert told.look(9, began) == ["  8 s  mounting"]
    told.logs += STARTING + "2026-01-01T00:00:10Z build: not this one\n"
    assert told.look(10, began) == ["  9 s  starting"]
    asked = len(told.asked)
    assert told.look(11, made("new", 1, 2, 5, 8, ready=11)) == [" 11 s  ready"] and len(told.asked) == asked
    assert {(one["container"], one["limitBytes"]) for one in told.asked} == {("server", 4000)}


@pytest.mark.parametrize(
    ("logs", "lines"),
    [
        ("", ["  9 s  starting", " 20 s  ready"]),
        ("2026-01-01T00:00:09Z level=INFO msg=on\n", ["  9 s  starting", " 20 s  ready"]),
        (MOUNTING + STARTING, ["  8 s  mounting", "  9 s  starting", " 20 s  ready"]),
        (MOUNTING, ["  8 s  mounting", " 20 s  starting", " 20 s  ready"]),
    ],
)
def test_a_container_that_is_ready_has_started(logs: str, lines: list[str]) -> None:
    told = Told(logs=logs)
    told.look(0)
    assert told.look(21, made("new", 1, 2, 5, 9, ready=20), done=True)[3:] == lines


def test_a_silent_container_is_given_some_seconds() -> None:
    told = Told()
    told.look(0)
    told.look(8, made("new", 1, 2, 5))
    assert told.look(10, made("new", 1, 2, 5, 8)) == []
    assert told.look(11, made("new", 1, 2, 5, 8)) == ["  8 s  starting"]


def test_a_rollout_as_it_was_recorded() -> None:
    moments = json.loads((Path(__file__).parents[1] / "recorded/recreate_stubborn_old_pod.json").read_text())
    told = Told({})
    for one in moments:
        told.now = moment(one["now"])
        told.progress.look(
            assess(one["deployment"], one["replicasets"], one["pods"], told.now, datetime.fromisoformat(one["started"]))
        )
    assert [line.replace("web-7cc9b8b9df-vmdsl", "OLD") for line in told.lines] == [
        "  0 s  waiting for the old OLD to end",
        " 11 s  scheduled on a node",
        " 13 s  starting zddc-server",
        " 13 s  ready",
    ]
