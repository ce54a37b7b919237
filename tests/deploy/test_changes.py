# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a deploy changes on the cluster, and what it leaves alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
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


@pytest.mark.parametrize("mode", ["prod", "dev"])
def test_an_example_in_check_mode(mode: str, stage: Any, namespace: Any, play: Callable[..., Any]) -> None:
    before = stage.objects()
    fits = json.dumps(namespace.variables)
    played = play("playbooks/deploy.yml", "--check", "-e", f"@examples/{mode}.yml", "-e", fits)
    assert (played.returncode, played.message, played.changed) == (0, "", 1)
    assert stage.objects() == before


def test_a_removal_in_check_mode_removes_nothing(stage: Any) -> None:
    before, pods = stage.objects(), stage.pod_names()
    played = stage.deploy("--check", state="absent")
    assert (played.returncode, played.message, played.changed) == (0, "", 1)
    # The Deployment and the Service.
    assert played.output.count('"method": "delete"') == 2
    assert (stage.objects(), stage.pod_names()) == (before, pods)


def test_the_same_again_changes_nothing(stage: Any) -> None:
    before, pods = stage.objects(), stage.pod_names()
    played = stage.deploy()
    assert (played.returncode, played.message, played.changed) == (0, "", 0)
    assert (stage.objects(), stage.pod_names()) == (before, pods)


def test_an_ingress_comes_and_goes_alone(stage: Any) -> None:
    before, pods = stage.objects(), stage.pod_names()
    assert stage.deploy(**INGRESS).returncode == 0
    with_ingress = stage.objects()
    assert with_ingress.pop("Ingress zddc-server-prod")
    assert with_ingress == before
    played = stage.deploy()
    assert (played.returncode, played.changed) == (0, 1)
    assert (stage.objects(), stage.pod_names()) == (before, pods)


def test_a_hand_edit_is_reported_and_taken_back(stage: Any) -> None:
    pods = stage.pod_names()
    place = {"name": stage.name, "namespace": stage.namespace, "field_manager": "by-hand"}
    stage.apps.patch_namespaced_deployment(body={"spec": {"progressDeadlineSeconds": 61}}, **place)
    broken = {"name": "http", "port": 80, "targetPort": 9}
    stage.core.patch_namespaced_service(body={"spec": {"ports": [broken]}}, **place)
    before = stage.objects()

    played = stage.deploy("--check", "--diff")
    assert (played.returncode, played.changed) == (0, 1)
    for edited in ('"progressDeadlineSeconds": 61', '"targetPort": 9'):
        assert edited in played.output
    assert stage.objects() == before

    played = stage.deploy()
    assert (played.returncode, played.changed) == (0, 1)
    assert stage.deployment().spec.progress_deadline_seconds == 600
    assert stage.core.read_namespaced_service(stage.name, stage.namespace).spec.ports[0].target_port == "http"
    assert stage.pod_names() == pods
    assert stage.served()


def test_the_strategy_can_change_both_ways(stage: Any) -> None:
    pods = stage.pod_names()
    for strategy in ("Recreate", "RollingUpdate"):
        played = stage.deploy(strategy=strategy)
        assert (played.returncode, played.message) == (0, "")
        found = stage.deployment().spec.strategy
        assert (found.type, found.rolling_update is None) == (strategy, strategy == "Recreate")
    assert stage.pod_names() == pods


def test_an_object_of_another_is_refused(stage: Any) -> None:
    theirs = {
        "metadata": {"name": "theirs", "labels": {"app.kubernetes.io/managed-by": "Helm"}},
        "spec": {"ports": [{"port": 80}]},
    }
    stage.core.create_namespaced_service(stage.namespace, theirs)
    try:
        before = stage.objects()
        for state in ("present", "absent"):
            played = stage.deploy(name="theirs", service_node_port=0, state=state)
            assert played.returncode == 2
            assert played.message == (
                f"zddc_server_name: Service 'theirs' in namespace '{stage.namespace}' exists already and "
                "belongs to 'Helm'. Choose another zddc_server_name, or remove that object.\nNothing was changed."
            )
            assert stage.objects() == before
    finally:
        stage.core.delete_namespaced_service("theirs", stage.namespace)


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
        assert (played.returncode, played.changed) == (2, 1)
        assert played.message == (
            "The namespace deploy-new was made, as zddc_server_create_namespace asks, and nothing else. "
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
    second = {"name": "second", "service_node_port": 0}
    assert "still running" in stage.deploy(**second, rollout_timeout=3).message
    (pod,) = stage.pods("second")
    begin = time.monotonic()
    played = stage.deploy(**second, state="absent")
    assert (played.returncode, played.message) == (0, "")
    assert stage.pods("second") == []
    assert time.monotonic() - begin < pod.spec.termination_grace_period_seconds
