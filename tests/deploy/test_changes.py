# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a deploy changes on the cluster, and what it leaves alone."""

from __future__ import annotations

import json
import re
import resource
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ApiException

INGRESS = {"ingress_enabled": True, "ingress_hosts": [{"host": "zddc.example.org"}]}


def test_a_first_deploy_in_check_mode_makes_nothing(stage: Any) -> None:
    before = stage.objects()
    played = stage.deploy("--check", name="checked", service_node_port=0, **INGRESS)
    assert (played.returncode, played.message) == (0, "")
    assert played.changed == 1
    assert stage.objects() == before


def test_a_namespace_or_a_claim_that_is_missing_is_a_warning_in_check_mode(stage: Any) -> None:
    played = stage.deploy("--check", "--diff", namespace="nowhere", **INGRESS)
    assert (played.returncode, played.message, played.changed) == (0, "", 1)
    assert "there is no namespace 'nowhere' in the cluster" in played.output
    for kind in ("Deployment", "Service", "Ingress"):
        assert f"{kind} {stage.name}, not in the cluster" in played.output
    played = stage.deploy("--check", data_claim="nothing")
    assert (played.returncode, played.message) == (0, "")
    assert f"there is no claim 'nothing' in namespace '{stage.namespace}'" in played.output


@pytest.mark.parametrize("mode", ["prod", "dev"])
def test_an_example_in_check_mode(mode: str, stage: Any, namespace: Any, play: Callable[..., Any]) -> None:
    before = stage.objects()
    fits = json.dumps(namespace.variables)
    played = play("playbooks/deploy.yml", "--check", "-e", f"@examples/{mode}.yml", "-e", fits)
    assert (played.returncode, played.message, played.changed) == (0, "", 1)
    assert stage.objects() == before


def test_a_removal_in_check_mode_removes_nothing(stage: Any) -> None:
    before, pods = stage.objects(), stage.pod_names()
    played = stage.deploy("--check", "--diff", state="absent")
    assert (played.returncode, played.message, played.changed) == (0, "", 1)
    for kind in ("Deployment", "Service"):
        assert f"{kind} {stage.name}, removed by a deploy" in played.output
    assert (stage.objects(), stage.pod_names()) == (before, pods)


def test_the_same_again_changes_nothing(stage: Any) -> None:
    before, pods = stage.objects(), stage.pod_names()
    played = stage.deploy()
    assert (played.returncode, played.message, played.changed) == (0, "", 0)
    commit = stage.deployment().spec.template.metadata.annotations["varasys.zddc/git-commit"]
    assert played.messages[-1] == (
        f"{stage.name} in namespace {stage.namespace} serves zddc-server-v0.0.6 at commit {commit}, 1 of 1 ready. Nothing "
        "was changed."
    )
    assert (stage.objects(), stage.pod_names()) == (before, pods)


def test_the_same_again_costs_little(stage: Any, play: Callable[..., Any], tmp_path: Path) -> None:
    empty = tmp_path / "empty.yml"
    empty.write_text("- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks: []\n")

    def versions() -> list[str]:
        records = stage.apps.list_namespaced_controller_revision(stage.namespace).items
        return [item.metadata.resource_version for item in records]

    before, recorded = stage.objects(), versions()

    def cost(start: Callable[..., Any]) -> float:
        """Give what a play takes of the processor."""
        begin = resource.getrusage(resource.RUSAGE_CHILDREN)
        played = start()
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert (played.returncode, played.message, played.changed) == (0, "", 0)
        return end.ru_utime + end.ru_stime - begin.ru_utime - begin.ru_stime

    # As users start it, each in a process of its own.
    alone = {"ANSIBLE_CONNECTION_PLUGINS": "none"}
    pairs = [(cost(partial(play, empty, **alone)), cost(partial(stage.deploy, environment=alone))) for _ in range(2)]
    empties, deploys = (sum(side) for side in zip(*pairs, strict=True))
    assert deploys <= 5 * empties
    assert (stage.objects(), versions()) == (before, recorded)


@pytest.mark.parametrize("tag", ["preflight", "rollout"])
def test_tags_that_change_nothing(stage: Any, tag: str) -> None:
    before = stage.objects()
    played = stage.deploy("--tags", tag, **INGRESS)
    # The comparison says what a deploy would change.
    assert (played.returncode, played.message, played.changed) == (0, "", 1)
    assert any(one.endswith(", 1 of 1 ready.") for one in played.messages) == (tag == "rollout"), played.messages
    assert stage.objects() == before


def test_a_deploy_that_does_not_wait(stage: Any) -> None:
    before = stage.objects()
    # It would wait in vain.
    played = stage.deploy("--skip-tags", "rollout", fetch_image="localhost/nowhere:1", **INGRESS)
    assert (played.returncode, played.message) == (0, "")
    assert stage.objects().keys() - before.keys() == {f"Ingress {stage.name}"}
    played = stage.deploy()
    assert (played.returncode, played.message) == (0, "")
    assert stage.objects().keys() == before.keys()


def test_an_ingress_comes_and_goes_alone(stage: Any) -> None:
    before, pods = stage.objects(), stage.pod_names()
    assert stage.deploy(**INGRESS).returncode == 0
    with_ingress = stage.objects()
    assert with_ingress.pop("Ingress zddc-server-prod")
    assert with_ingress == before
    played = stage.deploy()
    # The comparison, the record, the Ingress, and the note that it serves.
    assert (played.returncode, played.changed) == (0, 4)
    assert (stage.objects(), stage.pod_names()) == (before, pods)


@pytest.fixture(name="by_hand")
def by_hand_fixture(stage: Any) -> list[str]:
    """Change and add what a person might, and give what is told of it; none of it makes a new pod."""
    place = {"name": stage.name, "namespace": stage.namespace, "field_manager": "by-hand"}
    stage.apps.patch_namespaced_deployment(
        body={"metadata": {"annotations": {"example.org/a": "b"}}, "spec": {"progressDeadlineSeconds": 61}}, **place
    )
    broken = {"name": "http", "port": 80, "targetPort": 9}
    more = {"name": "more", "port": 81, "targetPort": 9}
    stage.core.patch_namespaced_service(body={"spec": {"ports": [broken, more]}}, **place)
    return [
        f'Deployment {stage.name}: metadata.annotations[example.org/a] is "b", set by by-hand at TIME. The role does not set it.',
        f"Deployment {stage.name}: spec.progressDeadlineSeconds is 61, set by by-hand at TIME. The role sets 600.",
        f'Service {stage.name}: spec.ports[80, TCP].targetPort is 9, set by by-hand at TIME. The role sets "http".',
        f"Service {stage.name}: spec.ports[81, TCP] is "
        '{"name": "more", "protocol": "TCP", "port": 81, "targetPort": 9, "nodePort": ..., set by by-hand at TIME. '
        "The role does not set it.",
    ]


def told(text: str) -> list[str]:
    """Give the lines about what others have set, without what differs from run to run."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME", text)
    return sorted(line for line in text.splitlines() if "set by by-hand" in line)


def test_a_hand_edit_is_reported_and_taken_back(stage: Any, by_hand: list[str]) -> None:
    pods, before = stage.pod_names(), stage.objects()
    stopped = stage.deploy(force_conflicts=False)
    assert stopped.returncode == 2
    assert told(stopped.message.replace("- ", "")) == by_hand
    assert stopped.message.splitlines()[-2:] == [
        "- zddc_server_force_conflicts is false, so none of this is reverted. Add it to the variables or revert it "
        "yourself, or set the variable to true.",
        "Nothing was changed.",
    ]
    assert stage.objects() == before

    checked = stage.deploy("--check", "--diff")
    assert (checked.returncode, checked.changed) == (0, 1)
    assert told("\n".join(checked.messages)) == by_hand
    for gone in ("progressDeadlineSeconds: 61", "example.org/a: b", "targetPort: 9", "port: 81"):
        assert any(gone in diff["before"] and gone not in diff["after"] for diff in checked.diffs), gone
    assert stage.objects() == before

    played = stage.deploy()
    assert (played.returncode, told("\n".join(played.messages))) == (0, by_hand)
    found, (port,) = stage.deployment(), stage.core.read_namespaced_service(stage.name, stage.namespace).spec.ports
    assert found.spec.progress_deadline_seconds == 600
    assert "example.org/a" not in found.metadata.annotations
    assert (port.port, port.target_port) == (80, "http")
    assert stage.pod_names() == pods
    # The nodes hear of a Service's port some moments after the cluster's API does.
    stage.until(stage.answer)
    assert stage.deploy().changed == 0


def test_what_an_autoscaler_sets_is_left_to_it(stage: Any) -> None:
    # As an autoscaler does it; a restart by hand is nobody's change either.
    scale = {"spec": {"replicas": 2}}
    stage.apps.patch_namespaced_deployment_scale(stage.name, stage.namespace, scale, field_manager="kube-controller-manager")
    try:
        before = stage.objects()
        assert stage.deploy("--check").changed == 0
        played = stage.deploy("--check", "--diff", log_level="warn")
        assert (played.changed, [diff["after"].count("replicas: 2") for diff in played.diffs]) == (1, [1])
        assert stage.objects() == before
        played = stage.deploy("--check", allowed_managers=[])
        assert played.changed == 1
        assert f"Deployment {stage.name}: spec.replicas is 2, set by kube-controller-manager. The role sets 1." in (
            played.messages
        )
        # To stop it is no autoscaler's matter.
        played = stage.deploy(playbook="stop")
        assert (played.returncode, played.messages[-1]) == (
            0, f"{stage.name} in namespace {stage.namespace} is stopped. A deploy starts it again."
        )  # fmt: skip
        assert stage.deployment().spec.replicas == 0
    finally:
        assert stage.deploy(allowed_managers=[]).returncode == 0
    assert stage.deployment().spec.replicas == 1


def test_the_strategy_can_change_both_ways(stage: Any) -> None:
    # One of the test before may still be going.
    stage.until(stage.pod_names, lambda names: len(names) == 1)
    pods = stage.pod_names()
    for strategy in ("Recreate", "RollingUpdate"):
        played = stage.deploy(strategy=strategy)
        assert (played.returncode, played.message) == (0, "")
        found = stage.deployment().spec.strategy
        assert (found.type, found.rolling_update is None) == (strategy, strategy == "Recreate")
    assert stage.pod_names() == pods


def test_an_object_of_another_is_refused_or_taken_over(stage: Any) -> None:
    theirs = {
        "metadata": {
            "name": "theirs",
            "labels": {"app.kubernetes.io/managed-by": "Helm"},
            "annotations": {"meta.helm.sh/release-name": "old"},
        },
        "spec": {"ports": [{"name": "http", "port": 80}, {"name": "more", "port": 81}]},
    }
    stage.core.create_namespaced_service(stage.namespace, theirs)
    variables = {"name": "theirs", "service_type": "ClusterIP", "service_node_port": 0}
    before = stage.objects()
    for state in ("present", "absent"):
        played = stage.deploy(**variables, state=state)
        assert (played.returncode, played.message) == (
            2,
            f"zddc_server_name: Service 'theirs' in namespace '{stage.namespace}' already exists and belongs to "
            "Helm's release 'old'. Choose another zddc_server_name, remove that object, or set zddc_server_take_over to "
            "true to make it this instance's.\nNothing was changed.",
        )
        assert stage.objects() == before
    # Its pod never starts, which is no matter here and saves a build.
    assert stage.deploy(**variables, take_over=True, fetch_image="localhost/nowhere:1").returncode == 2
    found = stage.core.read_namespaced_service("theirs", stage.namespace)
    assert found.metadata.labels["app.kubernetes.io/managed-by"] == "varasys.zddc"
    assert (found.metadata.annotations, [port.port for port in found.spec.ports]) == (None, [80])
    played = stage.deploy(**variables, state="absent")
    assert (played.returncode, played.message) == (0, "")
    assert "Service theirs" not in stage.objects()


def test_an_object_of_the_users_comes_and_goes_with_the_instance(stage: Any) -> None:
    more = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "more"}, "data": {"a": "b"}}
    pods = stage.pod_names()
    assert stage.deploy(extra_objects=[more]).returncode == 0
    assert stage.core.read_namespaced_config_map("more", stage.namespace).data == {"a": "b"}
    assert stage.deploy(extra_objects=[more]).changed == 0
    played = stage.deploy()
    assert (played.returncode, played.message) == (0, "")
    with pytest.raises(ApiException, match="404"):
        stage.core.read_namespaced_config_map("more", stage.namespace)
    assert stage.pod_names() == pods


def test_an_old_name_is_told_with_the_way_to_remove_it(stage: Any) -> None:
    played = stage.deploy("--check", name="renamed", service_type="ClusterIP", service_node_port=0)
    assert (played.returncode, played.message) == (0, "")
    told = " ".join(played.output.split())
    assert (
        f"localhost has deployed prod before, as {stage.name} in namespace {stage.namespace}, and that still exists. "
        "If renamed replaces it, remove it: ansible-playbook varasys.zddc.remove --limit localhost "
        f"-e zddc_server_name={stage.name} -e zddc_server_namespace={stage.namespace}"
    ) in told


def test_a_removal_takes_the_instance_alone(stage: Any) -> None:
    foreign = {"metadata": {"name": "foreign", "labels": {"app.kubernetes.io/instance": "second"}}}
    stage.core.create_namespaced_config_map(stage.namespace, foreign)
    before, pods = stage.objects(), stage.pod_names()
    second = {"name": "second", "service_node_port": 0, **INGRESS}
    # Its pod never starts, which is no matter here and saves a build.
    assert stage.deploy(**second, fetch_image="localhost/nowhere:1").returncode == 2
    assert set(stage.objects()) - set(before) == {"Deployment second", "Ingress second", "Service second"}

    played = stage.deploy(**second, state="absent")
    assert (played.returncode, played.message) == (0, "")
    assert (stage.objects(), stage.pods("second"), stage.pod_names()) == (before, [], pods)
    assert stage.core.read_namespace(stage.namespace).status.phase == "Active"
    stage.core.delete_namespaced_config_map("foreign", stage.namespace)

    played = stage.deploy(**second, state="absent")
    assert (played.returncode, played.changed) == (0, 0)


def test_a_namespace_is_made_on_request(stage: Any) -> None:
    new = {"namespace": "deploy-new", "create_namespace": True}
    assert stage.deploy("--check", **new).message == ""
    with pytest.raises(ApiException, match="404"):
        stage.core.read_namespace("deploy-new")

    try:
        played = stage.deploy(**new)
        # The comparison and the namespace.
        assert (played.returncode, played.changed) == (2, 2)
        assert played.message == (
            "The namespace deploy-new was created, as zddc_server_create_namespace requests, and nothing else. "
            "Create the claim zddc-root (zddc_server_data_claim) in it, then run this again."
        )
        assert stage.core.read_namespace("deploy-new").status.phase == "Active"
        assert stage.deploy(**new).message == (
            "zddc_server_data_claim: there is no claim 'zddc-root' in namespace 'deploy-new'. "
            "Create the claim (it is never created for you), or name one that exists.\nNothing was changed."
        )
        assert stage.apps.list_namespaced_deployment("deploy-new").items == []
    finally:
        stage.core.delete_namespace("deploy-new")


def test_a_pod_that_builds_goes_at_once(stage: Any) -> None:
    # With all of the standard library, it builds for a while.
    second = {"name": "second", "service_node_port": 0, "build_env": {}}
    assert stage.deploy("--skip-tags", "rollout", **second).returncode == 0

    def running() -> list[str]:
        statuses = [one for pod in stage.pods("second") for one in pod.status.init_container_statuses or []]
        return [one.name for one in statuses if one.state.running]

    stage.until(running, equals=["build"])
    (pod,) = stage.pods("second")
    begin = time.monotonic()
    played = stage.deploy(**second, state="absent")
    assert (played.returncode, played.message) == (0, "")
    assert stage.pods("second") == []
    assert time.monotonic() - begin < pod.spec.termination_grace_period_seconds
