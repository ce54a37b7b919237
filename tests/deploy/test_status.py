# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What `status` shows and `verify` asks; no pod is built."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml


def shown(played: Any) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Give the table by instance, and the lines below it."""
    (text,) = [message for message in played.messages if message.startswith("INSTANCE")]
    head, *lines = text.splitlines()
    columns = re.split("  +", head)
    rows = [dict(zip(columns, re.split("  +", line), strict=True)) for line in lines if len(re.split("  +", line)) > 5]
    return {row["INSTANCE"]: row for row in rows}, lines[len(rows) :]


def test_what_runs(stage: Any) -> None:
    before = stage.objects()
    played = stage.deploy(playbook="status")
    assert (played.returncode, played.changed, stage.objects()) == (0, 0, before)
    rows, notes = shown(played)
    template = stage.deployment().spec.template
    row = rows[stage.name]
    assert re.fullmatch(r"\d+[smhd]", row.pop("AGE"))
    assert row == {
        "INSTANCE": stage.name,
        "NAMESPACE": stage.namespace,
        "MODE": "prod",
        "REF": "zddc-server-v0.0.6",
        "COMMIT": template.metadata.annotations["varasys.zddc/git-commit"][:12],
        "GO": re.search(r"/go-git:([0-9.]+)", template.spec.init_containers[-1].image).expand(r"go\1"),
        "IMAGE": template.spec.containers[0].image,
        "READY": "1/1",
        "RESTARTS": "0",
        "URL": stage.url,
        "DRIFT": "no",
        "STATE": "serves",
    }
    assert notes == []


def test_what_others_changed(stage: Any) -> None:
    changed = {"metadata": {"annotations": {"example.org/owner": "ada"}}}
    stage.core.patch_namespaced_service(stage.name, stage.namespace, changed, field_manager="ada")
    rows, (note,) = shown(stage.deploy(playbook="status"))
    assert rows[stage.name]["DRIFT"] == "yes"
    assert re.fullmatch(
        rf'Service {stage.name}: metadata\.annotations\[example\.org/owner\] is "ada", set by ada at \S+\. '
        r"The role does not set it\.",
        note,
    )
    assert stage.deploy().returncode == 0
    assert shown(stage.deploy(playbook="status"))[0][stage.name]["DRIFT"] == "no"


def play_for(stage: Any, tmp_path: Path, hosts: dict[str, Any], *arguments: str) -> Any:
    """Run the playbook for hosts, with their variables over those of the instance."""
    taken = {name for variables in hosts.values() for name in variables}
    common = {name: value for name, value in stage.variables().items() if name not in taken}
    (tmp_path / "inventory.yml").write_text(json.dumps({"zddc_server": {"hosts": hosts, "vars": common}}))
    return stage.play("playbooks/status.yml", "-i", str(tmp_path / "inventory.yml"), *arguments)


def test_an_instance_that_is_not_there(stage: Any, tmp_path: Path) -> None:
    hosts = {"a": {"zddc_server_name": "second"}, "b": {"zddc_server_name": stage.name}, "c": {"zddc_server_name": "third"}}
    rows, notes = shown(play_for(stage, tmp_path, hosts))
    nothing = dict.fromkeys(("MODE", "REF", "COMMIT", "GO", "IMAGE", "READY", "RESTARTS", "AGE", "URL", "DRIFT"), "-")
    assert {name for name in rows if "-dev" not in name} == {stage.name, "second", "third"}
    assert rows["second"] == {"INSTANCE": "second", "NAMESPACE": stage.namespace, "STATE": "not deployed", **nothing}
    assert rows[stage.name]["STATE"] == "serves"
    assert notes == []
    # What is no host's is shown all the same, and the name of a host that is left out is not.
    limited, _notes = shown(play_for(stage, tmp_path, hosts, "--limit", "c"))
    assert {name for name in limited if "-dev" not in name} == {stage.name, "third"}


def test_a_cluster_that_does_not_answer(stage: Any, tmp_path: Path) -> None:
    content = yaml.safe_load(Path(stage.kubeconfig).read_text())
    content["clusters"][0]["cluster"] = {"server": "http://127.0.0.1:1"}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(content))
    hosts = {
        "there": {"zddc_server_kubeconfig": stage.kubeconfig},
        "away": {"zddc_server_kubeconfig": str(tmp_path / "kubeconfig")},
    }
    played = play_for(stage, tmp_path, hosts)
    assert stage.name in shown(played)[0]
    assert (played.returncode, played.message) == (
        2,
        f"The instances in namespace {stage.namespace}: the cluster at http://127.0.0.1:1 refuses the connection: nothing "
        "listens there. Start it, or choose another.",
    )


@pytest.fixture(name="reader")
def reader_fixture(stage: Any, tmp_path: Path) -> Iterator[str]:
    """Give the kubeconfig of a user who may look at everything in the namespace, and change nothing."""
    rights = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    body = {
        "metadata": {"name": "reader"},
        "roleRef": rights,
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": stage.namespace}],
    }
    stage.rbac.create_namespaced_role_binding(stage.namespace, body)
    token = stage.core.create_namespaced_service_account_token("default", stage.namespace, {"spec": {}}).status.token
    content = yaml.safe_load(Path(stage.kubeconfig).read_text())
    content["users"][0]["user"] = {"token": token}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(content))
    yield str(tmp_path / "kubeconfig")
    stage.rbac.delete_namespaced_role_binding("reader", stage.namespace)


def test_the_right_to_look_is_enough(stage: Any, reader: str) -> None:
    played = stage.deploy(playbook="status", kubeconfig=reader)
    assert (played.returncode, played.message) == (0, "")
    rows, (note,) = shown(played)
    assert (rows[stage.name]["DRIFT"], rows[stage.name]["STATE"]) == ("?", "serves")
    assert note.startswith(
        f"Cannot determine whether others have changed {stage.name}: the cluster denies access (403): services "
        f'"{stage.name}" is forbidden: '
    )


def test_the_server_does_what_it_should(stage: Any) -> None:
    before = stage.objects()
    played = stage.deploy(playbook="verify")
    assert (played.returncode, played.message, played.changed) == (0, "", 0)
    (text,) = [message for message in played.messages if "CHECK" in message]
    commit = stage.deployment().spec.template.metadata.annotations["varasys.zddc/git-commit"][:12]
    assert [re.split("  +", line)[:2] for line in text.splitlines()[2:]] == [
        [f"every pod runs commit {commit}", commit],
        ["GET / answers 200 with HTML", "200 text/html"],
        ["GET / for application/json answers 200 with JSON", "200 application/json"],
        ["GET /.zddc.d/ is refused", "404 text/plain"],
    ]
    assert stage.objects() == before


def behind(stage: Any) -> list[str]:
    """Give the pods to which the Service leads."""
    subsets = stage.core.read_namespaced_endpoints(stage.name, stage.namespace).subsets or []
    return [address.target_ref.name for subset in subsets for address in subset.addresses or []]


def test_another_answers_in_its_place(stage: Any) -> None:
    pod = {
        "metadata": {"name": "another", "labels": {"by": "test"}},
        "spec": {
            "containers": [
                {
                    "name": "web",
                    "image": stage.variables()["zddc_server_image"],
                    "command": ["sh", "-c", "mkdir -p /www/.zddc.d; httpd -f -p 8080 -h /www"],
                    "ports": [{"name": "http", "containerPort": 8080}],
                }
            ]
        },
    }
    stage.core.create_namespaced_pod(stage.namespace, pod)
    of_the_role = stage.core.read_namespaced_service(stage.name, stage.namespace).spec.selector
    selector = dict.fromkeys(of_the_role) | {"by": "test"}
    try:
        stage.core.patch_namespaced_service(stage.name, stage.namespace, {"spec": {"selector": selector}})
        end = time.monotonic() + 60
        while "another" not in behind(stage):
            assert time.monotonic() < end
            time.sleep(0.5)
        played = stage.deploy(playbook="verify")
        assert played.returncode == 2
        assert played.message.splitlines() == [
            f"{stage.name} in namespace {stage.namespace} did not pass all checks:",
            "- GET / answers 200 with HTML: failed, 404 text/html",
            "- GET / for application/json answers 200 with JSON: failed, 404 text/html",
            "Check it with the playbook varasys.zddc.status, and deploy it again if it is stopped or was changed.",
        ]
    finally:
        stage.core.delete_namespaced_pod("another", stage.namespace, grace_period_seconds=0)
        assert stage.deploy().returncode == 0
    assert stage.deploy(playbook="verify").returncode == 0


def test_prod_has_no_changes_of_its_own(stage: Any) -> None:
    before = stage.objects()
    played = stage.deploy(playbook="changes")
    assert (played.returncode, played.message) == (
        2,
        "zddc_server_mode is 'prod', which writes to the claim itself: only dev has its own changes. Set it to dev.",
    )
    assert stage.objects() == before


def test_no_pod_of_dev(stage: Any) -> None:
    played = stage.deploy(playbook="changes", mode="dev", name="nothing")
    assert (played.returncode, played.message) == (
        2,
        f"No running pod of nothing in namespace {stage.namespace} has access to its overlay. What a pod wrote "
        "is lost with the pod. Deploy the instance, with zddc_server_overlay_mounter 'auto', 'server' or 'sidecar'.",
    )
