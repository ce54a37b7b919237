# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who may reach the pods: the policy, and what it lets through where the cluster's network enforces it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

FRIENDS = [{"pod_selector": {"matchLabels": {"app": "friend"}}}]


@pytest.fixture(name="visitors")
def visitors_fixture(stage: Any) -> Iterator[None]:
    """Make two pods that can ask: a friend and a stranger."""
    image = stage.variables()["zddc_server_image"]
    for name in ("friend", "stranger"):
        container = {"name": name, "image": image, "command": ["sleep", "600"]}
        body = {
            "metadata": {"name": name, "labels": {"app": name}},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": False},
        }
        stage.core.create_namespaced_pod(stage.namespace, body)
    read = stage.core.read_namespaced_pod
    stage.until(lambda: [read(name, stage.namespace).status.phase for name in ("friend", "stranger")], equals=["Running"] * 2)
    yield
    for name in ("friend", "stranger"):
        stage.core.delete_namespaced_pod(name, stage.namespace)


def reaches(stage: Any, visitor: str) -> bool:
    """Tell whether a visitor can connect to the pod itself."""
    address = stage.pods()[-1].status.pod_ip
    asked = f"nc -w 3 {address} 8080 < /dev/null > /dev/null 2>&1 && echo reached || echo barred"
    return bool(stage.run(visitor, visitor, "sh", "-c", asked).strip() == "reached")


def policies(stage: Any) -> dict[str, Any]:
    """Give the policies of the namespace by name."""
    found = stage.networking.list_namespaced_network_policy(stage.namespace).items
    return {item.metadata.name: stage.core.api_client.sanitize_for_serialization(item.spec) for item in found}


@pytest.fixture(name="guarded")
def guarded_fixture(stage: Any) -> Iterator[dict[str, Any]]:
    """Let friends alone reach the pods, and give the policy; take it back in the end."""
    pods = stage.pod_names()
    played = stage.deploy("--diff", allowed_clients=FRIENDS, guarded_elsewhere=False)
    assert (played.returncode, played.message) == (0, "")
    assert {diff["before_header"] for diff in played.diffs} == {f"NetworkPolicy {stage.name}, not in the cluster"}
    yield policies(stage)[stage.name]
    assert stage.deploy().returncode == 0
    assert policies(stage) == {}
    # Nothing else has changed, either time.
    assert stage.pod_names() == pods


def test_the_policy_is_for_the_pods_that_serve(stage: Any, guarded: dict[str, Any]) -> None:
    labels = stage.pods()[-1].metadata.labels
    assert guarded == {
        "podSelector": {"matchLabels": {key: labels[key] for key in ("app.kubernetes.io/name", "app.kubernetes.io/instance")}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {"from": [{"podSelector": {"matchLabels": {"app": "friend"}}}], "ports": [{"port": "http", "protocol": "TCP"}]}
        ],
    }
    again = stage.deploy("--check", allowed_clients=FRIENDS, guarded_elsewhere=False)
    assert (again.returncode, again.changed) == (0, 0)


@pytest.mark.usefixtures("visitors")
def test_friends_reach_the_pod_and_strangers_do_not(stage: Any, request: pytest.FixtureRequest) -> None:
    assert reaches(stage, "friend") and reaches(stage, "stranger")
    request.getfixturevalue("guarded")
    try:
        stage.until(lambda: reaches(stage, "stranger"), equals=False, seconds=30)
    except AssertionError:
        pytest.skip("this cluster's network enforces no NetworkPolicies: strangers still reached the pod after 30 s")
    assert reaches(stage, "friend")
    assert stage.served()


def test_cautions_are_told_and_stop_nothing(stage: Any) -> None:
    before = stage.objects()
    given = {"mode": "dev", "name": "zddc-server-dev", "git_ref": "main", "service_node_port": 0, "log_level": "info"}
    played = stage.deploy("--check", **given, guarded_elsewhere=False)
    assert (played.returncode, played.message, stage.objects()) == (0, "", before)
    (told,) = [text for text in played.warnings if text.startswith("zddc_server_")]
    assert told.startswith("zddc_server_service_type is NodePort, and zddc_server_allowed_clients is empty. ")
