# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Rollouts, of objects recorded on a real cluster, and the module."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from unit.snapshots import Snapshot, course, judge, recorded

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.times import moment
from ansible_collections.varasys.zddc.plugins.module_utils.watch.pods import Failure
from ansible_collections.varasys.zddc.plugins.module_utils.watch.rollout import (
    Verdict,
    assess,
    follow,
    label_selector,
    timed_out,
)
from ansible_collections.varasys.zddc.plugins.modules import rollout

# What is success


@pytest.mark.parametrize("name", ["rolling_stubborn_old_pod", "rolling_no_history"])
def test_a_rolling_update_is_not_done_while_an_old_container_runs(name: str) -> None:
    for snapshot in recorded(name):
        verdict = judge(snapshot)
        assert verdict.done == (not any(pod.running and not pod.current for pod in verdict.pods))
    assert (False, "waiting for the old OLD to end") in course(name) and course(name)[-1] == (True, "ready")
    # Of these moments at least one looks complete to whoever reads the Deployment's status alone, or its ReplicaSets.
    assert any(
        snapshot["deployment"]["status"].get("availableReplicas") == 1
        and "unavailableReplicas" not in snapshot["deployment"]["status"]
        and snapshot["deployment"]["status"]["updatedReplicas"] == snapshot["deployment"]["status"]["replicas"] == 1
        and not judge(snapshot).done
        for snapshot in recorded(name)
    )


def test_recreate_waits_for_the_old_pod_before_there_is_a_new_one() -> None:
    assert course("recreate_stubborn_old_pod") == [
        (False, "waiting for the old OLD to end"),
        (False, "waiting for a pod of the new revision"),
        (False, "pod NEW: starting zddc-server"),
        (False, "pod NEW: waiting for zddc-server to become ready"),
        (True, "ready"),
    ]


def test_a_change_that_the_controller_has_not_seen(ready: Snapshot) -> None:
    ready["deployment"]["metadata"]["generation"] += 1
    assert judge(ready).stage == "waiting for the cluster to notice the Deployment" and not judge(ready).done


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("updatedReplicas", 0),
        ("availableReplicas", 0),
        ("unavailableReplicas", 1),
        ("replicas", 2),
        ("availableReplicas", None),
    ],
)
def test_every_number_counts(ready: Snapshot, field: str, value: int | None) -> None:
    assert judge(ready).done
    ready["deployment"]["status"][field] = value
    if value is None:
        del ready["deployment"]["status"][field]
    assert not judge(ready).done and judge(ready).failure is None


def test_more_wanted_than_there_are(ready: Snapshot) -> None:
    ready["deployment"]["spec"]["replicas"] = 2
    assert judge(ready).stage == "waiting for the pods to be available"


def test_what_success_tells(ready: Snapshot) -> None:
    verdict = judge(ready)
    name = ready["pods"][0]["metadata"]["name"]
    assert verdict.revision == ready["deployment"]["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
    assert verdict.replicas == {"wanted": 1, "updated": 1, "ready": 1, "available": 1}
    assert [pod.public() for pod in verdict.pods if pod.current] == [
        {"name": name, "ready": True, "restarts": 0, "stage": "ready"}
    ]


def test_no_replica_is_success_once_no_pod_runs(ready: Snapshot) -> None:
    ready["deployment"]["spec"]["replicas"] = 0
    assert not judge(ready).done and judge(ready).stage.endswith(" to end")
    for status in ready["pods"][0]["status"]["containerStatuses"]:
        status["state"] = {"terminated": {"exitCode": 143}}
    assert judge(ready).done
    ready["pods"] = []
    assert judge(ready).done


def test_old_restarts_of_a_pod_that_serves_do_not_matter(ready: Snapshot) -> None:
    ready["pods"][0]["status"]["containerStatuses"][0] |= {
        "restartCount": 3,
        "lastState": {"terminated": {"exitCode": 1}},
    }
    assert judge(ready).done and judge(ready).pods[0].restarts == 3


def test_an_evicted_pod_beside_its_successor_does_not_matter(ready: Snapshot) -> None:
    evicted = copy.deepcopy(ready["pods"][0])
    evicted["metadata"] |= {"name": "evicted", "uid": "evicted"}
    evicted["status"] = {"phase": "Failed", "reason": "Evicted", "conditions": [], "containerStatuses": []}
    ready["pods"].append(evicted)
    assert judge(ready).done and [pod.stage for pod in judge(ready).pods] == ["ended (Evicted)", "ready"]


def test_pods_of_others_do_not_matter(ready: Snapshot) -> None:
    lone, foreign = copy.deepcopy(ready["pods"][0]), copy.deepcopy(ready["pods"][0])
    del lone["metadata"]["ownerReferences"]
    foreign["metadata"]["ownerReferences"][0]["uid"] = "their-replicaset"
    theirs = copy.deepcopy(ready["replicasets"][0])
    theirs["metadata"] |= {
        "uid": "their-replicaset",
        "ownerReferences": [{"kind": "Deployment", "uid": "theirs", "controller": True}],
    }
    ready["pods"] += [lone, foreign]
    ready["replicasets"].append(theirs)
    assert judge(ready).done and len(judge(ready).pods) == 1


def test_a_template_that_reads_differently_is_told_by_its_revision(ready: Snapshot) -> None:
    ready["deployment"]["spec"]["template"]["spec"]["hostUsers"] = True
    assert judge(ready).done


# What is failure


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("init_fails", "pod NEW: container fetch failed"),
        ("crash_loop", "pod NEW: container zddc-server failed"),
        ("compile_error", "pod NEW: container build failed"),
        (
            "no_image",
            "pod NEW: container zddc-server: the image localhost/nope:1 cannot be pulled: failed to pull",
        ),
        ("no_node", "pod NEW cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu."),
        ("quota", "ReplicaSet web-7cc9b8b9df: its pods cannot be created: pods "),
        (
            "deadline",
            "pod NEW: still waiting for zddc-server to become ready after its Deployment's progress deadline of 5 s",
        ),
    ],
)
def test_failures(name: str, cause: str) -> None:
    told = [text for _done, text in course(name) if text.startswith(cause)]
    assert told, course(name)


@pytest.mark.parametrize(
    ("name", "step"),
    [("crash_loop", "restart"), ("no_image", "restart"), ("no_node", "describe"), ("quota", "retry")],
)
def test_the_next_step_fits_the_failure(name: str, step: str) -> None:
    failures = [verdict.failure for verdict in map(judge, recorded(name)) if verdict.failure]
    assert {failure.step for failure in failures} == {step}


def test_a_failure_is_seen_while_it_lasts_and_in_the_back_off() -> None:
    for name, code in (("init_fails", 128), ("crash_loop", 3)):
        states = set()
        for snapshot in recorded(name):
            verdict = judge(snapshot)
            if verdict.failure:
                assert verdict.failure.exit_code == code
                status = snapshot["pods"][0]["status"]
                statuses = status.get("initContainerStatuses", []) + status["containerStatuses"]
                state = next(one["state"] for one in statuses if one["name"] == verdict.failure.container)
                states |= {state.get("waiting", {}).get("reason", "terminated")}
        assert states == {"terminated", "CrashLoopBackOff"}, name


def test_a_rollout_after_one_that_failed_is_not_blamed_for_it() -> None:
    assert [done for done, _text in course("after_deadline")] == [False, False, False, True]
    assert not any(judge(snapshot).failure for snapshot in recorded("after_deadline"))


def test_no_node_is_no_failure_at_once() -> None:
    first, last = recorded("no_node")[0], recorded("no_node")[-1]
    assert judge(first).failure is None
    assert ": waiting for a node (0/1 nodes are available: 1 Insufficient cpu." in judge(first).stage
    known = {"now": moment(last["now"]), "started": moment(last["started"])}
    assert assess(last["deployment"], last["replicasets"], last["pods"], **known, patience=timedelta(60)).failure is None


def test_a_paused_deployment(ready: Snapshot) -> None:
    ready["deployment"]["status"]["availableReplicas"] = 0
    ready["deployment"]["spec"]["paused"] = True
    failure = judge(ready).failure
    assert failure and failure.cause == "Deployment web is paused"


@pytest.mark.parametrize(
    ("name", "find"),
    [
        (
            "quota",
            lambda one: next(rs for rs in one["replicasets"] if "conditions" in rs["status"])["status"]["conditions"][0],
        ),
        (
            "deadline",
            lambda one: next(c for c in one["deployment"]["status"]["conditions"] if c["type"] == "Progressing"),
        ),
    ],
)
def test_a_condition_from_before_is_given_time_to_go(name: str, find: Callable[[Snapshot], dict[str, Any]]) -> None:
    snapshot = recorded(name)[-1]
    assert find(snapshot)["status"] in ("True", "False")
    before = moment(find(snapshot)["lastTransitionTime"]) + timedelta(seconds=100)
    assert judge(snapshot, started=before, now=before + timedelta(seconds=9)).failure is None
    assert judge(snapshot, started=before, now=before + timedelta(seconds=10)).failure


def test_a_pod_refused_just_before_the_first_look_is_no_news_of_before() -> None:
    snapshot = recorded("quota")[-1]
    current = next(item for item in snapshot["replicasets"] if "conditions" in item["status"])
    refused = moment(current["status"]["conditions"][0]["lastTransitionTime"])
    for seconds, blamed in ((9, True), (11, False)):
        look = refused + timedelta(seconds=seconds)
        assert bool(judge(snapshot, started=look, now=look).failure) == blamed


def test_the_report_at_the_time_out_is_over_the_pod_furthest_behind() -> None:
    moments = recorded("compile_error")
    verdict = judge(moments[1])
    failure = timed_out(verdict, "web", "after 7 s")
    assert failure.cause.endswith(": still running build after 7 s") and (failure.container, failure.init) == (
        "build",
        True,
    )
    waiting = timed_out(judge(recorded("recreate_stubborn_old_pod")[0]), "web", "after 7 s")
    assert waiting.cause.startswith("old pod web-") and waiting.cause.endswith(": still ending after 7 s")
    assert timed_out(Verdict(False, None, "waiting for a pod"), "web", "after 7 s") == Failure(
        "Deployment web: still waiting for a pod after 7 s", "Deployment", "web"
    )


def test_any_selector_can_be_asked_for() -> None:
    expressions = [
        {"key": "a", "operator": "In", "values": ["1", "2"]},
        {"key": "b", "operator": "NotIn", "values": ["3"]},
        {"key": "c", "operator": "Exists"},
        {"key": "d", "operator": "DoesNotExist"},
    ]
    assert label_selector({"matchLabels": {"x": "y"}, "matchExpressions": expressions}) == "x=y,a in (1,2),b notin (3),c,!d"


# Asking


class Player:
    """Plays recorded moments, one for each look at the Deployment; an exception in between is raised."""

    timeout = 10.0

    patience = 0

    def __init__(self, moments: list[Any]) -> None:
        self.moments = moments
        self.time = 0.0

    def get(self, path: str, **_query: Any) -> dict[str, Any]:
        if path.endswith("/deployments/web"):
            self.current = self.moments.pop(0) if len(self.moments) > 1 else self.moments[0]
            if isinstance(self.current, Exception):
                raise self.current
            self.now = moment(self.current["now"])
            return self.current["deployment"]
        return {"items": self.current["replicasets" if path.endswith("/replicasets") else "pods"]}

    def read(self, path: str, **query: Any) -> str:
        raise NotImplementedError

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def follow(self, timeout: float, interval: float = 1) -> list[Verdict]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "monotonic", lambda: self.time)
            patch.setattr(time, "sleep", self.sleep)
            return list(follow(self, "n", "web", timeout, interval))


def test_it_looks_until_it_is_done() -> None:
    player = Player(recorded("recreate_stubborn_old_pod"))
    assert [verdict.done for verdict in player.follow(60)] == [False] * 4 + [True] and player.time == 4


def test_it_looks_until_it_fails() -> None:
    last = Player(recorded("crash_loop")).follow(60)[-1]
    assert last.failure and last.failure.container == "zddc-server"


def test_it_looks_until_the_time_is_over() -> None:
    player = Player(recorded("recreate_stubborn_old_pod")[:1])
    assert len(player.follow(5, 2)) == 4 and player.time == 5


def test_a_cluster_that_says_no_is_not_looked_at_again() -> None:
    player = Player([ApiError("refuses (403)", status=403), recorded("recreate_stubborn_old_pod")[-1]])
    with pytest.raises(ApiError):
        player.follow(60)


# The module, over HTTP

NS = "/api/v1/namespaces/docs"
APPS = "/apis/apps/v1/namespaces/docs"


@pytest.fixture
def play(run: Callable[..., dict[str, Any]], cluster: Any, kubeconfig_for: Callable[..., str]) -> Callable[..., dict[str, Any]]:
    path = kubeconfig_for(cluster.address)

    def call(snapshot: Snapshot, **options: Any) -> dict[str, Any]:
        cluster.answers |= {
            f"{APPS}/deployments/web": snapshot["deployment"],
            f"{APPS}/replicasets": {"items": snapshot["replicasets"]},
            f"{NS}/pods": {"items": snapshot["pods"]},
        }
        return run(rollout, **{"kubeconfig": path, "namespace": "docs", "name": "web", **options})

    call.kubectl = f"kubectl --kubeconfig {path} --namespace docs"
    return call


def test_success(play: Callable[..., dict[str, Any]], ready: Snapshot, cluster: Any) -> None:
    result = play(ready)
    wanted = {"changed": False, "waited": True, "cause": "", "container": "", "log": [], "events": []}
    assert wanted.items() <= result.items() and "failed" not in result and result["revision"] and result["seconds"] < 5
    assert ("/apis/apps/v1/namespaces/docs/replicasets", {"labelSelector": ["app=web"]}) in cluster.requests


def test_a_failure_is_reported_with_log_and_events(play: Any, crashed: Snapshot, cluster: Any) -> None:
    pod = crashed["pods"][0]["metadata"]
    log = "".join(f"line {number}\n" for number in range(5)) + "Cookie: a\nzddc-server: no root\n"
    cluster.answers[f"{NS}/pods/{pod['name']}/log"] = lambda query: log if query["previous"] == ["true"] else 400
    event = {
        "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"},
        "type": "Warning",
        "reason": "BackOff",
        "message": "Back-off",
    }
    cluster.answers[f"{NS}/events"] = {"items": [event]}
    variables = {"zddc-server": ["zddc_server_root"], "build": ["zddc_server_build_image"], "": ["zddc_server_name"]}
    result = play(crashed, log_lines=2, variables=variables)
    assert "\ndecided by: zddc_server_root\n" in result["msg"]
    assert result["failed"] and result["cause"] == f"pod {pod['name']}: container zddc-server failed: zddc-server: no root"
    assert (result["container"], result["exit_code"]) == ("zddc-server", 3)
    assert result["log"] == ["line 4", "zddc-server: no root"] and result["events"] == ["Warning BackOff Back-off"]
    assert result["msg"].splitlines()[0] == result["cause"] and "Cookie" not in json.dumps(result)
    assert "1 line with request headers left out" in result["msg"]
    assert result["msg"].endswith(f"{play.kubectl} delete pod {pod['name']}")
    selector = f"involvedObject.kind=Pod,involvedObject.name={pod['name']},involvedObject.uid={pod['uid']}"
    assert (f"{NS}/events", {"fieldSelector": [selector]}) in cluster.requests


def test_a_failure_without_details(play: Any, crashed: Snapshot) -> None:
    whole, brief = play(crashed), play(crashed, details=False)
    assert brief["msg"] == whole["msg"]
    assert {"kept", "log", "events", "cause", "pods"} & whole.keys() - brief.keys() == {"log", "events", "cause", "pods"}


def test_another_run_that_has_taken_the_lease(play: Any, ready: Snapshot, cluster: Any) -> None:
    held = {"holderIdentity": "bob", "leaseDurationSeconds": 30, "renewTime": "2126-01-01T00:00:00.000000Z"}
    cluster.answers["/apis/coordination.k8s.io/v1/namespaces/docs/leases/web"] = {"metadata": {"name": "web"}, "spec": held}
    result = play(ready, lease={"name": "web", "holder": "ada"})
    assert result["reason"] == "lost_lease"
    assert result["msg"].startswith(
        "Deployment web in namespace docs: bob also works on it, and has taken over the Lease. Run this"
    )


@pytest.mark.parametrize("reason", ["OOMKilled", "Error"])
@pytest.mark.parametrize(
    ("limits", "where", "named"),
    [
        ({"memory": "64Mi"}, "at its limit of 64Mi", "zddc_server_build_resources.limits.memory"),
        ({"cpu": "1"}, "since its node had none left", "zddc_server_build_resources.requests.memory"),
    ],
)
def test_a_build_that_ran_out_of_memory(
    play: Any, cluster: Any, crashed: Snapshot, reason: str, limits: dict[str, str], where: str, named: str
) -> None:
    pod = crashed["pods"][0]
    pod["spec"]["initContainers"] = [{"name": "build", "resources": {"limits": limits}}]
    ended = {"exitCode": 1, "reason": reason, "finishedAt": "2026-01-01T00:00:00Z"}
    pod["status"]["initContainerStatuses"] = [{"name": "build", "state": {"terminated": ended}, "ready": False}]
    said = "net/http: /usr/local/go/pkg/tool/linux_amd64/compile: signal: killed"
    cluster.answers[f"{NS}/pods/{pod['metadata']['name']}/log"] = f"fetching\n{said}\n"
    cluster.answers[f"{NS}/events"] = {"items": []}
    decided_by = {"build": ["zddc_server_git_ref"], "memory/build": ["zddc_server_build_resources"]}
    result = play(crashed, variables=decided_by)
    name = pod["metadata"]["name"]
    assert result["cause"] == f"pod {name}: container build ran out of memory, {where}: {said}"
    assert f"\ndecided by: {named}\n" in result["msg"]


def test_what_a_failure_keeps(play: Any, crashed: Snapshot, cluster: Any, tmp_path: Path) -> None:
    pod = crashed["pods"][0]["metadata"]["name"]
    answers = {"true": "Cookie: a\nno root\n", "false": "once more\n"}
    cluster.answers[f"{NS}/pods/{pod}/log"] = lambda query: answers[query["previous"][0]]
    seen = {"type": "Warning", "reason": "BackOff", "message": "Back-off\nagain", "count": 2}
    cluster.answers[f"{NS}/events"] = {"items": [{"metadata": {}, "lastTimestamp": "2026-01-01T00:00:09Z", **seen}]}
    cluster.now = "2030-01-02T03:04:05Z"
    folders = [Path(play(crashed, keep=str(tmp_path / "failures"), timeout=5)["kept"]) for _again in range(2)]
    assert [folder.name for folder in folders] == ["docs-web-20300102T030405Z", "docs-web-20300102T030405Z-1"]
    assert {path.name: path.read_text() for path in folders[1].iterdir()} == {
        "events.txt": f"Pod {pod}\n  00:00:09 Warning BackOff Back-off again (2 times)\n",
        f"{pod}-zddc-server-previous.log": "no root\n(1 line with request headers left out)\n",
        f"{pod}-zddc-server.log": "once more\n",
    }
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "failures").rglob("*.*")}
    assert modes == {0o600} and folders[0].stat().st_mode & 0o777 == 0o700


def test_what_cannot_be_kept_hides_no_failure(play: Any, crashed: Snapshot, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = play(crashed, keep=str(tmp_path / "file"), timeout=5)
    assert result["msg"].startswith(f"pod {crashed['pods'][0]['metadata']['name']}: container zddc-server failed\n")
    assert f"\nLogs and events could not be stored: {tmp_path}/file: File exists.\n" in result["msg"]
    assert result["kept"] == ""


def test_a_pod_that_went_away_before_its_log_was_read(play: Any, crashed: Snapshot, cluster: Any) -> None:
    cluster.answers[f"{NS}/events"] = 403
    result = play(crashed)
    assert result["cause"].endswith("container zddc-server failed") and result["log"] == []
    assert "The log of container zddc-server cannot be read: the cluster has no such resource (404)" in result["msg"]
    assert "The events cannot be read: the cluster denies access (403)" in result["msg"]


def test_the_time_out(play: Any) -> None:
    result = play(recorded("recreate_stubborn_old_pod")[0], timeout=1, interval=0.2)
    assert result["failed"] and result["cause"].endswith(": still ending after 1 s") and 1 <= result["seconds"] < 3


def test_no_deployment(run: Callable[..., dict[str, Any]], cluster: Any, kubeconfig_for: Callable[..., str]) -> None:
    for status, words in (
        (404, "has no such resource (404)"),
        (403, "denies access (403)"),
        (401, "does not accept the credentials (401)"),
    ):
        cluster.answers[f"{APPS}/deployments/web"] = status
        result = run(rollout, kubeconfig=kubeconfig_for(cluster.address), namespace="docs", name="web")
        assert result["msg"].startswith(f"Deployment web in namespace docs: the cluster at {cluster.address} {words}")


def test_no_cluster(run: Callable[..., dict[str, Any]], kubeconfig_for: Callable[..., str], closed: int) -> None:
    result = run(rollout, kubeconfig=kubeconfig_for(f"http://127.0.0.1:{closed}"), namespace="docs", name="web", outage_timeout=1)
    assert "refuses the connection: nothing listens there, after 1 s." in result["msg"]
    assert run(rollout, kubeconfig="/none", namespace="docs", name="web")["msg"].startswith(
        "kubeconfig: there is no kubeconfig /none."
    )


def test_a_cluster_that_cannot_answer_just_now(
    run: Callable[..., dict[str, Any]], cluster: Any, kubeconfig_for: Callable[..., str], ready: Snapshot, tmp_path: Path
) -> None:
    answers: list[Any] = []
    cluster.answers |= {
        f"{APPS}/deployments/web": lambda _query: answers.pop() if answers else ready["deployment"],
        f"{APPS}/replicasets": {"items": ready["replicasets"]},
        f"{NS}/pods": {"items": ready["pods"]},
    }
    given = {"kubeconfig": kubeconfig_for(cluster.address), "namespace": "docs", "name": "web"}
    answers[:] = [503, 503, ready["deployment"] | {"status": {}}]
    progress = tmp_path / "progress"
    result = run(rollout, **given, outage_timeout=10, progress=str(progress))
    assert "failed" not in result and result["seconds"] >= 2 and not answers
    said = "the cluster answers with an error (503): message of 503: waiting for it"
    assert [line.split("s  ", 1)[1] for line in progress.read_text().splitlines()][:1] == [said]
    # Of an error that does not pass, no second answer is asked for.
    for outage, status in ((0, 503), (10, 403)):
        answers[:] = [status, status]
        assert f"({status})" in run(rollout, **given, outage_timeout=outage)["msg"] and answers == [status]


def test_check_mode_does_not_wait(run: Callable[..., dict[str, Any]]) -> None:
    result = run(rollout, True, kubeconfig="/none", namespace="docs", name="web")
    assert (result["changed"], result["waited"]) == (False, False) and "was not waited for" in result["msg"]


@pytest.mark.parametrize("options", [{"timeout": 0}, {"interval": 0}, {"unschedulable_timeout": -1}, {"log_lines": -1}])
def test_numbers_that_make_no_sense(run: Callable[..., dict[str, Any]], options: dict[str, Any]) -> None:
    message = run(rollout, kubeconfig="/none", namespace="docs", name="web", **options)["msg"]
    assert message.startswith(f"{next(iter(options))} must be ")
