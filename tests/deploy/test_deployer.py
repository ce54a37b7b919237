# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Role of examples/deployer.yml, and what a play says where one of its verbs is missing. The scenarios deploy with all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROLE = yaml.safe_load((Path(__file__).resolve().parents[2] / "examples/deployer.yml").read_text())
# What the history of the instance names besides: an object of the user's, which another test has made and removed.
EXTRA = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["more"], "verbs": ["get"]}
USER = "system:serviceaccount:{namespace}:default"


@pytest.fixture(name="deployer")
def deployer_fixture(stage: Any, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Give the function that makes an account with the Role, but for a verb, and gives its kubeconfig."""

    def without(resource: str = "", verb: str = "") -> str:
        rules = [
            {**rule, "resources": [name], "verbs": [one for one in rule["verbs"] if (name, one) != (resource, verb)]}
            for rule in [*ROLE["rules"], EXTRA]
            for name in rule["resources"]
        ]
        body = {"metadata": {"name": "lacking"}, "rules": [rule for rule in rules if rule["verbs"]]}
        stage.rbac.create_namespaced_role(stage.namespace, body)
        return str(tmp_path / "kubeconfig")

    token = stage.core.create_namespaced_service_account_token("default", stage.namespace, {"spec": {}}).status.token
    content = yaml.safe_load(Path(stage.kubeconfig).read_text())
    content["users"][0]["user"] = {"token": token}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(content))
    binding = {
        "metadata": {"name": "lacking"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "lacking"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": stage.namespace}],
    }
    stage.rbac.create_namespaced_role_binding(stage.namespace, binding)
    yield without
    stage.rbac.delete_namespaced_role_binding("lacking", stage.namespace)
    stage.rbac.delete_namespaced_role("lacking", stage.namespace)


def missing(stage: Any, what: str, group: str, resource: str, verb: str, named: str) -> str:
    """Give the message where a verb is missing."""
    user, address = USER.format(namespace=stage.namespace), stage.core.api_client.configuration.host
    rule = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
    kind = f"{resource}.{group}" if group else resource
    return (
        f'zddc_server_kubeconfig: {what}: the cluster at {address} denies access (403): {kind} "{named}" is forbidden: User '
        f'"{user}" cannot {verb} resource "{resource}" in API group "{group}" in the namespace "{stage.namespace}". {user} '
        f"needs this rule, in a Role in namespace '{stage.namespace}': {json.dumps(rule)}. All that the playbooks need: "
        'docs/operations.md, "Rights".'
    )


def test_all_of_it_is_enough(stage: Any, deployer: Callable[..., str]) -> None:
    before = stage.objects()
    played = stage.deploy(kubeconfig=deployer())
    assert (played.returncode, played.message, played.changed, stage.objects()) == (0, "", 0, before)


@pytest.mark.parametrize(
    ("group", "resource", "verb", "what", "named"),
    [
        ("apps", "deployments", "patch", "Deployment '{name}' in namespace '{namespace}' cannot be applied", "{name}"),
        ("apps", "deployments", "get", "Deployment '{name}' in namespace '{namespace}' cannot be read", "{name}"),
        ("", "services", "get", "Service '{name}' in namespace '{namespace}' cannot be read", "{name}"),
        ("", "persistentvolumeclaims", "get", "claim 'zddc-root' in namespace '{namespace}' cannot be read", "zddc-root"),
    ],
)
def test_the_rule_that_is_missing(
    stage: Any, deployer: Callable[..., str], group: str, resource: str, verb: str, what: str, named: str
) -> None:
    before, where = stage.objects(), {"name": stage.name, "namespace": stage.namespace}
    played = stage.deploy(kubeconfig=deployer(resource, verb), log_level="warn")
    told = missing(stage, what.format(**where), group, resource, verb, named.format(**where))
    assert (played.returncode, played.message) == (2, f"{told}\nNothing was changed.")
    assert stage.objects() == before


@pytest.mark.parametrize("verb", ["", "get"])
def test_the_signers(stage: Any, deployer: Callable[..., str], verb: str) -> None:
    before, name = stage.objects(), "zddc-trusted-signers"
    played = stage.deploy(kubeconfig=deployer("configmaps", verb), trusted_signers={"config_map": name})
    what = f"ConfigMap {name!r} in namespace {stage.namespace!r}"
    told = (
        missing(stage, f"{what} cannot be read", "", "configmaps", verb, name)
        if verb
        else f"zddc_server_trusted_signers: there is no {what}. Create it, or name one that exists."
    )
    assert (played.returncode, played.message) == (2, told)
    assert stage.objects() == before


def test_who_may_not_clean_up(stage: Any, deployer: Callable[..., str]) -> None:
    assert stage.deploy(ingress_enabled=True, ingress_hosts=[{"host": "zddc.example.org"}]).returncode == 0
    played = stage.deploy(kubeconfig=deployer("ingresses", "delete"), rollback_on_failure=True)
    records = stage.apps.list_namespaced_controller_revision(stage.namespace).items
    newest = max((one for one in records if one.metadata.name.startswith(f"{stage.name}-v")), key=lambda one: one.revision)
    user, there = USER.format(namespace=stage.namespace), stage.objects()
    rule = {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["delete"]}
    assert (played.returncode, played.end) == (
        2,
        "The new revision is applied, but what is no longer needed stays: zddc_server_kubeconfig: "
        f'User "{user}" cannot delete resource "ingresses" in API group "networking.k8s.io" in the namespace '
        f"\"{stage.namespace}\". {user} needs this rule, in a Role in namespace '{stage.namespace}': {json.dumps(rule)}. All "
        'that the playbooks need: docs/operations.md, "Rights".',
    )
    # The revision serves all the same, and nothing was gone back to.
    assert newest.metadata.annotations["varasys.zddc/result"] == "served"
    assert "Ingress" not in [item["kind"] for item in newest.data["objects"]]
    assert f"Ingress {stage.name}" in there
    assert stage.deploy().returncode == 0
    assert f"Ingress {stage.name}" not in stage.objects()


@pytest.fixture(name="dev_pod")
def dev_pod_fixture(stage: Any) -> Iterator[None]:
    """Make a pod that passes for one of dev, with an overlay in which nothing was written."""
    labels = {
        "app.kubernetes.io/instance": "zddc-server-dev",
        "app.kubernetes.io/managed-by": "varasys.zddc",
        "varasys.zddc/mode": "dev",
    }
    image = stage.variables()["zddc_server_image"]
    container = {
        "name": "overlay",
        "image": image,
        "command": ["sh", "-c", "mkdir -p /tmp/scratch/upper; sleep 600"],
        "env": [{"name": "SCRATCH_DIR", "value": "/tmp/scratch"}, {"name": "LOWER_DIR", "value": "/"}],
        "securityContext": {"runAsUser": 0},
    }
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    stage.core.create_namespaced_pod(stage.namespace, {"metadata": {"name": "dev", "labels": labels}, "spec": spec})
    stage.until(lambda: stage.core.read_namespaced_pod("dev", stage.namespace).status.phase, equals="Running")
    yield
    stage.core.delete_namespaced_pod("dev", stage.namespace)
    stage.until(
        lambda: [pod.metadata.name for pod in stage.core.list_namespaced_pod(stage.namespace).items],
        lambda left: "dev" not in left,
    )


@pytest.mark.parametrize(("resource", "verb"), [("pods", "list"), ("pods/exec", "get"), ("pods", "get")])
@pytest.mark.usefixtures("dev_pod")
def test_who_may_not_look_into_dev(stage: Any, deployer: Callable[..., str], tmp_path: Path, resource: str, verb: str) -> None:
    before, user = stage.objects(), USER.format(namespace=stage.namespace)
    variables = {"kubeconfig": deployer(resource, verb), "mode": "dev", "name": "zddc-server-dev"}
    played = stage.deploy("-e", f"archive={tmp_path}/changes.tar", playbook="changes", **variables)
    rule = {"apiGroups": [""], "resources": [resource], "verbs": [verb]}
    assert (played.returncode, played.end) == (
        2,
        f'zddc_server_kubeconfig: User "{user}" cannot {verb} resource "{resource}" in API group "" in the namespace '
        f"\"{stage.namespace}\". {user} needs this rule, in a Role in namespace '{stage.namespace}': {json.dumps(rule)}. All "
        'that the playbooks need: docs/operations.md, "Rights".',
    )
    assert stage.objects() == before
