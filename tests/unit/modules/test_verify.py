# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""verify against an API server on the loopback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.modules import verify

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PROXY = "/api/v1/namespaces/docs/services/http:web:http/proxy"
PODS = "/api/v1/namespaces/docs/pods"
RECORDS = "/apis/apps/v1/namespaces/docs/controllerrevisions"


def pod(commit: str, **metadata: Any) -> dict[str, Any]:
    annotations = {"varasys.zddc/git-commit": commit}
    return {"metadata": {"annotations": annotations, **metadata}, "status": {"phase": "Running"}}


@pytest.fixture(name="ask")
def ask_fixture(run: Callable[..., Any], cluster: Any, kubeconfig_for: Callable[..., str]) -> Callable[..., Any]:
    """Runs verify for an instance of which everything is right but the answers that are given."""

    def ask(**answers: Any) -> dict[str, Any]:
        record = {"metadata": {"name": "web-v1"}, "revision": 1, "data": {"commit": COMMIT, "objects": []}}
        cluster.answers |= {
            RECORDS: {"items": [record]},
            PODS: {"items": [pod(COMMIT)]},
            f"{PROXY}/": {"entries": []},
            f"{PROXY}/.zddc.d/": 404,
            **{PODS if name == "pods" else RECORDS if name == "records" else f"{PROXY}/": answers[name] for name in answers},
        }
        path = kubeconfig_for(cluster.address)
        return run(verify, kubeconfig=path, name="web", namespace="docs", owner_labels={"a": "b"})

    return ask


def wrong(result: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["said"] for one in result["checks"] if not one["ok"]}


def test_a_pod_of_another_commit(ask: Callable[..., Any]) -> None:
    result = ask(pods={"items": [pod(COMMIT), pod("f" * 40), pod("e" * 40, deletionTimestamp="2026-01-01T00:00:00Z")]})
    assert wrong(result)[f"every pod runs commit {COMMIT[:12]}"] == "0123456789ab, ffffffffffff"


def test_a_pod_of_a_build(ask: Callable[..., Any]) -> None:
    build = pod("none", labels={"batch.kubernetes.io/job-name": "web-build-1"})
    assert f"every pod runs commit {COMMIT[:12]}" not in wrong(ask(pods={"items": [pod(COMMIT), build]}))


def test_no_pod(ask: Callable[..., Any]) -> None:
    assert wrong(ask(pods={"items": []}))[f"every pod runs commit {COMMIT[:12]}"] == "there is no pod"


def test_the_api_servers_own_answer_is_none_of_the_server(ask: Callable[..., Any]) -> None:
    result = ask(page=503)
    said = "no answer from the server: the cluster answers with an error (503): message of 503"
    assert wrong(result)["GET / answers 200 with HTML"] == said
    # A refusal of the cluster is none of the server.
    assert wrong(result)["GET /.zddc.d/ is refused"].startswith(
        "no answer from the server: the cluster has no such resource (404)"
    )


def test_it_asks_for_what_it_says(ask: Callable[..., Any]) -> None:
    assert wrong(ask(page="<html>"))["GET / for application/json answers 200 with JSON"] == "200 "


def test_no_record(ask: Callable[..., Any]) -> None:
    assert ask(records={"items": []})["msg"] == (
        "There is no record of web in namespace docs. Deploy it first, or correct zddc_server_name, "
        "zddc_server_namespace and zddc_server_mode."
    )
