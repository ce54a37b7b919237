# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What `lint` finds, in all instances in one run."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def messages(played: Any) -> dict[str, str]:
    """Give what each host failed with."""
    report = json.loads(played.output[played.output.index("{\n") :])
    results = [item for play in report["plays"] for task in play["tasks"] for item in task["hosts"].items()]
    return {host: result["msg"] for host, result in results if result.get("failed")}


def test_nothing_to_find(run: Callable[..., Any], greeting: dict[str, Any]) -> None:
    other = {"apiVersion": "monitoring.example.org/v1", "kind": "Monitor", "metadata": {"name": "archive"}}
    played = run("lint", "-e", "kubernetes_version=v1.34.2", extra_objects=[greeting, other])
    assert (played.returncode, played.changed, played.message) == (0, 0, "")
    assert played.messages[-2:] == [
        "Not checked, because Kubernetes 1.34 has no schema for it: Monitor archive",
        "zddc-server-prod in namespace default, prod: no problem. Service zddc-server-prod, Deployment zddc-server-prod, "
        "ConfigMap greeting are valid for Kubernetes 1.34. The cluster, the claim and the ref were not checked: a deploy with "
        "--check does that.",
    ]


def test_every_instance_is_looked_at(run: Callable[..., Any], greeting: dict[str, Any]) -> None:
    wrong = {**greeting, "data": {"text": 1}}
    played = run(
        "lint",
        "-e",
        "kubernetes_version=1.34",
        inventory={
            "hosts": {
                "archive-prod": {"zddc_server_extra_objects": [wrong], "zddc_server_namespace": "a"},
                "archive-dev": {"zddc_server_mode": "dev", "zddc_server_replicas": 2, "zddc_server_git_reff": "x"},
                "first": {"zddc_server_name": "docs", "zddc_server_mode": "prod"},
                "second": {"zddc_server_name": "docs", "zddc_server_mode": "dev"},
                "third": {"zddc_server_name": "docs", "zddc_server_replicas": 0},
                "good": {"zddc_server_namespace": "b"},
            }
        },
    )
    assert played.returncode == 2
    name = "zddc_server_name is 'docs' in namespace default, and also for {}. Give each its own zddc_server_name or "
    assert messages(played) == {
        "archive-prod": "This does not fit Kubernetes 1.34. Nothing was changed. Fix this and run again:\n"
        "- ConfigMap greeting: data.text: 1 is not of type 'string', 'null'. It is set by zddc_server_extra_objects.",
        "archive-dev": "Nothing was changed. Fix this and run again:\n"
        "- zddc_server_git_reff is not a variable of this role. Did you mean zddc_server_git_ref?\n"
        "- zddc_server_replicas is 2: in dev each pod writes to its own place, and two would serve different "
        "documents. Give 1.",
        "first": name.format("second, third") + "zddc_server_namespace.",
        "second": name.format("first, third") + "zddc_server_namespace.",
        "third": "Nothing was changed. Fix this and run again:\n- zddc_server_replicas is 0: give 1 or more.",
    }
    assert played.messages[-1].startswith("zddc-server-prod in namespace b, prod: no problem.")
