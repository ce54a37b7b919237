# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A Job that builds: how it is started beside what is there already, and how its pod is judged."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.modules import build

JOBS = "/apis/batch/v1/namespaces/docs/jobs"
PODS = "/api/v1/namespaces/docs/pods"
EVENTS = "/api/v1/namespaces/docs/events"
NOW = "2026-11-25T09:00:30+00:00"
WANTED: dict[str, Any] = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "web-build-1", "namespace": "docs"}}
RECORD = "commit=c0ffee\ngo=go1.24.4\nsha256=5c2e\n"


def job(name: str = "web-build-1", uid: str = "j1", **condition: str) -> dict[str, Any]:
    """Give a Job, which still runs unless it has a condition."""
    conditions = [{"type": kind, "status": "True", "message": said} for kind, said in condition.items()]
    return {"metadata": {"name": name, "namespace": "docs", "uid": uid}, "status": {"conditions": conditions}}


def pod(fetch: dict[str, Any], own: dict[str, Any], phase: str = "Running", **condition: str) -> dict[str, Any]:
    """Give the Job's pod by the states of its two containers."""
    conditions = [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-25T09:00:00Z"}]
    return {
        "metadata": {"name": "web-build-1-x", "uid": "p1", "ownerReferences": [{"uid": "j1", "controller": True}]},
        "spec": {"nodeName": "node-1", "initContainers": [{"name": "fetch"}], "containers": [{"name": "build"}]},
        "status": {
            "phase": phase,
            "conditions": [*conditions, *({"type": kind, "status": status} for kind, status in condition.items())],
            "initContainerStatuses": [{"name": "fetch", "state": fetch}],
            "containerStatuses": [{"name": "build", "state": own, "ready": "running" in own}],
        },
    }


def ended(code: int, message: str = "", reason: str = "") -> dict[str, Any]:
    """Give the state of a container that has ended."""
    times = {"startedAt": "2026-11-25T09:00:01Z", "finishedAt": "2026-11-25T09:00:09Z"}
    return {"terminated": {"exitCode": code, "message": message, "reason": reason, **times}}


RUNS = {"running": {"startedAt": "2026-11-25T09:00:01Z"}}
WAITS = {"waiting": {"reason": "PodInitializing"}}
BUILT = pod(ended(0), ended(0, RECORD), "Succeeded")


@pytest.fixture(name="built")
def built_fixture(run: Callable[..., dict[str, Any]], cluster: Any, kubeconfig_for: Callable[..., str]) -> Any:
    """Give the function that runs the module where the cluster has these Jobs, and these pods look by look."""
    cluster.now = NOW
    cluster.answers[EVENTS] = {"items": []}

    def call(
        *looks: dict[str, Any],
        there: tuple[dict[str, Any], ...] = (),
        becomes: dict[str, Any] | None = None,
        made_with: tuple[int, ...] = (),
        **options: Any,
    ) -> dict[str, Any]:
        answers = list(made_with)

        alive, left = {item["metadata"]["name"]: item for item in there}, list(looks)

        def look(_query: Any) -> dict[str, Any]:
            return {"items": [copy.deepcopy(left.pop(0) if len(left) > 1 else left[0])] if left else []}

        def made(_query: Any) -> dict[str, Any]:
            alive["web-build-1"] = becomes or job()
            return answers.pop(0) if answers else job()

        def found(_query: Any) -> Any:
            return alive.get("web-build-1", 404)

        def removed(name: str) -> Callable[[Any], Any]:
            return lambda _query: alive.pop(name, 404)

        cluster.answers |= {
            JOBS: lambda _query: {"items": list(alive.values())},
            f"{JOBS}/web-build-1": found,
            f"POST {JOBS}": made,
            PODS: look,
        }
        for name in list(alive):
            cluster.answers[f"DELETE {JOBS}/{name}"] = removed(name)
        return run(
            build, name="web", definition=WANTED, labels={"app": "web-build"}, interval=0.1,
            kubeconfig=kubeconfig_for(cluster.address), **options,
        )  # fmt: skip

    return call


def written(cluster: Any) -> list[str]:
    """Give what was asked to change."""
    return [f"{verb} {path.removeprefix(JOBS)}" for verb, path, _query, _body in cluster.writes]


def test_it_is_made_and_waited_for(built: Any, cluster: Any) -> None:
    result = built(pod(RUNS, WAITS), pod(ended(0), RUNS), BUILT)
    assert result["changed"] and result["job"] == "web-build-1"
    assert result["record"] == {"commit": "c0ffee", "go": "go1.24.4", "sha256": "5c2e"}
    assert written(cluster) == ["POST "]
    # A pod is never taken for that of another Job.
    queries = [query for path, query in cluster.requests if path == PODS]
    assert {query["labelSelector"][0] for query in queries} == {"batch.kubernetes.io/controller-uid=j1"}


def test_the_answer_to_its_making_is_lost(built: Any, cluster: Any) -> None:
    result = built(BUILT, made_with=(503, 409))
    assert (result["changed"], result["record"]["commit"], written(cluster)) == (True, "c0ffee", ["POST ", "POST "])


def test_one_that_runs_is_waited_for(built: Any, cluster: Any) -> None:
    assert built(BUILT, there=(job(),))["record"]["commit"] == "c0ffee"
    assert written(cluster) == []


@pytest.mark.parametrize("condition", ["Complete", "Failed", "FailureTarget"])
def test_one_that_has_ended_is_made_anew(built: Any, cluster: Any, condition: str) -> None:
    built(BUILT, there=(job(uid="j0", **{condition: "over"}),))
    assert written(cluster) == ["DELETE /web-build-1", "POST "]
    options = cluster.writes[0][3]
    assert (options["propagationPolicy"], options["preconditions"]) == ("Background", {"uid": "j0"})


def test_one_whose_pod_has_failed_is_made_anew(built: Any, cluster: Any) -> None:
    assert built(pod(ended(0), ended(1), "Failed"), BUILT, there=(job(),))["record"]["commit"] == "c0ffee"
    assert written(cluster) == ["DELETE /web-build-1", "POST "]


def test_another_that_still_runs_is_removed(built: Any, cluster: Any) -> None:
    built(BUILT, there=(job("web-build-0"), job("web-build-2", Complete="done")))
    assert written(cluster) == ["DELETE /web-build-0", "POST "]


def test_a_compile_error(built: Any, cluster: Any, tmp_path: Any) -> None:
    log = "build: with go1.24.4\n# web\n./main.go:1:2: undefined: a\n"
    cluster.answers[f"{PODS}/web-build-1-x/log"] = lambda query: log if query["container"] == ["build"] else ""
    result = built(
        pod(ended(0), RUNS), pod(ended(0), ended(1), "Failed"), note="Nothing was touched.",
        variables={"build": ["the_ref"]}, keep=str(tmp_path / "kept"),
    )  # fmt: skip
    assert result["failed"]
    kept = result["kept"]
    assert result["msg"].splitlines() == [
        "pod web-build-1-x: container build failed: ./main.go:1:2: undefined: a",
        "container: build, exit code 1",
        "the end of its log:",
        *(f"  {line}" for line in log.splitlines()),
        "decided by: the_ref",
        f"logs and events are stored in {kept}",
        "Nothing was touched.",
        "Next: fix the cause and deploy again",
    ]
    assert "undefined: a" in (tmp_path / "kept" / kept.rpartition("/")[2] / "web-build-1-x-build.log").read_text()


def test_a_pod_that_the_node_had_to_give_up_is_no_failure(built: Any) -> None:
    lost = pod(ended(0), ended(137), "Failed", DisruptionTarget="True")
    assert built(lost, BUILT)["record"]["commit"] == "c0ffee"


def test_a_claim_that_was_not_bound_before(built: Any, cluster: Any) -> None:
    waits = pod({}, {}, "Pending")
    waits["spec"]["volumes"] = [{"persistentVolumeClaim": {"claimName": "cache"}}]
    scheduled = {"type": "PodScheduled", "status": "False", "lastTransitionTime": "2026-11-25T08:00:00Z"}
    waits["status"]["conditions"] = [{**scheduled, "message": "pod has unbound immediate PersistentVolumeClaims"}]
    metadata = {"name": "cache", "uid": "c1", "creationTimestamp": "2026-11-25T07:00:00Z"}
    cluster.answers["/api/v1/namespaces/docs/persistentvolumeclaims/cache"] = {
        "metadata": metadata, "status": {"phase": "Pending"},
    }  # fmt: skip
    told = {"metadata": {}, "reason": "FailedBinding", "message": "no volume", "lastTimestamp": "2026-11-25T08:00:00Z"}
    cluster.answers[EVENTS] = {"items": [told]}
    named = {"PersistentVolumeClaim/cache": ["the_cache"], "": ["another"]}
    result = built(waits, unschedulable_timeout=0, variables=named)
    assert result["cause"] == "pod web-build-1-x: the claim cache is not bound: no volume"
    assert "\ndecided by: the_cache\n" in result["msg"]
    # It may be fixed since: it gets the time that a new one gets.
    assert built(waits, BUILT, there=(job(),))["record"]["commit"] == "c0ffee"


def test_a_job_that_failed_without_a_pod(built: Any) -> None:
    assert built(becomes=job(Failed="Job was active longer than specified deadline"))["cause"] == (
        "Job web-build-1: Job was active longer than specified deadline"
    )


def test_a_pod_that_is_refused(built: Any, cluster: Any) -> None:
    event = {
        "metadata": {"creationTimestamp": "2026-11-25T09:00:00Z"}, "type": "Warning", "reason": "FailedCreate",
        "message": 'Error creating: pods "web-build-1-x" is forbidden: exceeded quota',
    }  # fmt: skip
    cluster.answers[EVENTS] = {"items": [event]}
    assert built()["cause"] == (
        'Job web-build-1: its pod cannot be created: Error creating: pods "web-build-1-x" is forbidden: exceeded quota'
    )


def test_another_run_that_has_taken_the_lease(built: Any, cluster: Any) -> None:
    held = {"holderIdentity": "bob", "leaseDurationSeconds": 30, "renewTime": "2126-01-01T00:00:00.000000Z"}
    cluster.answers["/apis/coordination.k8s.io/v1/namespaces/docs/leases/web"] = {"metadata": {"name": "web"}, "spec": held}
    result = built(lease={"name": "web", "holder": "ada"}, note="Nothing was touched.")
    assert result["reason"] == "lost_lease"
    assert result["msg"].endswith("Run this again when that run has ended. Nothing was touched.")


def test_the_time_is_over(built: Any) -> None:
    running, waiting = (built(*pods, timeout=1)["cause"] for pods in ([pod(ended(0), RUNS)], []))
    # A busy machine takes longer.
    assert re.fullmatch(r"pod web-build-1-x: still running build after \d+ s", running)
    assert re.fullmatch(r"Job web-build-1: still waiting for its pod after \d+ s", waiting)


def test_the_lines_of_its_progress(built: Any, tmp_path: Any) -> None:
    file = tmp_path / "progress"
    built(pod(RUNS, WAITS), pod(ended(0), RUNS), BUILT, progress=str(file), stages={"fetch": "fetching", "build": "building"})
    assert [line.split(" s  ")[1] for line in file.read_text().splitlines()] == [
        "scheduled on node-1", "fetching", "building", "built",
    ]  # fmt: skip


def test_check_mode_asks_nothing(built: Any, cluster: Any) -> None:
    result = built(check_mode=True)
    assert (result["changed"], result["msg"]) == (True, "Check mode: Job web-build-1 in namespace docs was not created.")
    assert (cluster.writes, cluster.requests) == ([], [])
