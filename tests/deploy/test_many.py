# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Several hosts in one play."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml


def play(stage: Any, folder: Path, hosts: dict[str, dict[str, Any]], *arguments: str) -> Any:
    """Deploy the instances of an inventory; each is the stage's own, but for what it has of its own."""
    common = stage.variables() | {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    one_each = {name: {f"zddc_server_{key}": value for key, value in own.items()} for name, own in hosts.items()}
    inventory = folder / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"zddc_server": {"hosts": one_each, "vars": common}}, sort_keys=False))
    return stage.play("-i", inventory, "playbooks/deploy.yml", *arguments)


def summary(played: Any) -> list[list[str]]:
    """Give the lines of the last table, each as what stands in its columns."""
    (text,) = [message for message in played.messages if message.startswith("HOST ")]
    lines = text.splitlines()
    starts = [lines[0].index(name) for name in ("HOST", "INSTANCE", "RESULT")]
    return [[line[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)] for line in lines[1:]]


def test_two_hosts_that_are_one_instance(stage: Any, tmp_path: Path) -> None:
    before = stage.objects()
    # By another way to the same cluster.
    other = tmp_path / "kubeconfig"
    other.write_text(Path(stage.kubeconfig).read_text())
    hosts = {
        "first": {"log_level": "warn"},
        "second": {"kubeconfig": str(other)},
        "third": {"name": "another", "service_type": "ClusterIP", "service_node_port": 0},
    }
    played = play(stage, tmp_path, hosts, "--check")
    instance = f"in namespace {stage.namespace} of the cluster at {stage.core.api_client.configuration.host}"
    message = (
        f"zddc_server_name, zddc_server_namespace: first and second are the same instance, {stage.name} {instance}. Nothing was "
        "changed. Give each its own name or namespace."
    )
    assert played.failures == {"first": message, "second": message}
    assert played.returncode == 2
    assert summary(played) == [
        ["first", f"{stage.name} {instance}", "failed: see above"],
        ["second", f"{stage.name} {instance}", "failed: see above"],
        ["third", f"another {instance}", "would be changed"],
    ]
    assert stage.objects() == before


def test_one_that_fails_does_not_stop_the_others(stage: Any, tmp_path: Path) -> None:
    before = stage.objects()
    hosts = {
        "unfit": {"name": "unfit", "replicas": 0},
        "nowhere": {"name": "nowhere", "namespace": "nowhere"},
        "unknown": {"name": "unknown", "git_ref": "unknown"},
        "well": {"service_annotations": {"example.org/note": "hello"}},
    }
    played = play(stage, tmp_path, hosts)
    instance = f"of the cluster at {stage.core.api_client.configuration.host}"
    commit = stage.served()
    assert played.returncode == 2
    assert played.failures.keys() == {"unfit", "nowhere", "unknown"}
    assert [(host, what) for host, what, _result in summary(played)] == [
        ("unfit", "-"),
        ("nowhere", f"nowhere in namespace nowhere {instance}"),
        ("unknown", "-"),
        ("well", f"{stage.name} in namespace {stage.namespace} {instance}"),
    ]
    unfit, nowhere, unknown, well = (result for _host, _instance, result in summary(played))
    assert unfit == "failed: zddc_server_replicas is 0: give 1 or more."
    assert nowhere.startswith("failed: zddc_server_namespace: there is no namespace 'nowhere' in the cluster at ")
    assert unknown.startswith("failed: zddc_server_git_ref: ")
    assert well == f"serves zddc-server-v0.0.6 at commit {commit}, 1 of 1 ready."
    after = stage.objects()
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == {f"Service {stage.name}"}
    played = stage.deploy()
    assert (played.returncode, played.message) == (0, "")
