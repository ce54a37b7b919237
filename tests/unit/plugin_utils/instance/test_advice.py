# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is told before a deploy, though nothing stands in its way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.facts import checked

FRIENDS = [{"pod_selector": {"matchLabels": {"app": "friend"}}}]


def told(**variables: Any) -> list[str]:
    """Give the cautions for an instance, with variables that differ, named without their prefix."""
    usual = {"git_repo": "https://git.example.org/a", "git_ref": "zddc-server-v0.0.6"}
    found = checked({f"zddc_server_{name}": value for name, value in (usual | variables).items()})
    assert found.get("problems", []) == []
    return list(found["cautions"])


def test_what_dev_warns_of() -> None:
    dev = {"mode": "dev", "git_ref": "main", "service_type": "NodePort"}
    assert told(**dev) == [
        "zddc_server_service_type is NodePort, and zddc_server_allowed_clients is empty. The server trusts the header "
        "X-Auth-Request-Email: a client that bypasses the proxy that sets this header can act as any user. Name in "
        "zddc_server_allowed_clients what may reach the pods, or set zddc_server_guarded_elsewhere to true if something else "
        "restricts access to them.",
        "zddc_server_log_level is debug, and zddc_server_service_type is NodePort: the log holds the headers of every "
        "request, including cookies and tokens. Set it to info, unless everyone who can read the log may act as these users.",
    ]
    assert told(**dev, guarded_elsewhere=True, log_level="info") == []
    assert told(**dev, allowed_clients=FRIENDS, log_level="info") == []


@pytest.mark.parametrize("budget", [{"minAvailable": 3}, {"minAvailable": "100%"}, {"maxUnavailable": 0}])
def test_a_budget_that_no_pod_may_go_by(budget: dict[str, Any]) -> None:
    assert told(replicas=3, disruption_budget=budget) == [
        f"zddc_server_disruption_budget is {json.dumps(budget)} with 3 replicas: no pod may be evicted, and no node that "
        "runs one can be drained. Allow one pod to be unavailable."
    ]


@pytest.mark.parametrize("budget", [{"minAvailable": 2}, {"maxUnavailable": "25%"}])
def test_a_budget_that_leaves_room(budget: dict[str, Any]) -> None:
    assert told(replicas=3, disruption_budget=budget) == []
