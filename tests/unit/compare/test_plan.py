# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""plan against an API server on the loopback, and against all that is none."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.dynamic import DynamicClient

from ansible_collections.varasys.zddc.plugins.module_utils.cluster import api
from ansible_collections.varasys.zddc.plugins.module_utils.compare import plan as planning
from ansible_collections.varasys.zddc.plugins.modules import plan

Run = Callable[..., dict[str, Any]]
Kubeconfig = Callable[..., str]

NAMESPACE = "/api/v1/namespaces/docs"
CLAIMS = f"{NAMESPACE}/persistentvolumeclaims"
RECORDS = "/apis/apps/v1/namespaces/docs/controllerrevisions"
WEB = "/apis/apps/v1/namespaces/docs/deployments/web"
MINE = {"app.kubernetes.io/managed-by": "varasys.zddc", "app.kubernetes.io/instance": "web"}
INSTANCE = {"name": "web", "owner_labels": MINE, "outage_timeout": 0}
METADATA = {"name": "web", "namespace": "docs", "labels": MINE}
SPEC = {"replicas": 1, "template": {"spec": {"containers": [{"name": "web"}]}}}
DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": METADATA, "spec": SPEC}
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": METADATA, "spec": {"ports": [{"port": 80}]}}
UNKNOWN = {"apiVersion": "example.org/v1", "kind": "Route", "metadata": METADATA}


def identity(item: dict[str, Any]) -> dict[str, str]:
    return {"api_version": item["apiVersion"], "kind": item["kind"], "name": item["metadata"]["name"]}


@pytest.fixture
def checked(run: Run, cluster: Any, kubeconfig_for: Kubeconfig) -> Run:
    """Runs plan against the cluster on the loopback, which has the namespace docs with the claim zddc-root."""
    cluster.answers[NAMESPACE] = {"metadata": {"name": "docs"}}
    cluster.answers[f"{CLAIMS}/zddc-root"] = {
        "metadata": {"name": "zddc-root"},
        "spec": {"accessModes": ["ReadWriteMany"]},
        "status": {"phase": "Bound"},
    }
    cluster.answers[RECORDS] = {"items": []}
    cluster.answers["/apis/apps/v1"] = {"resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True}]}
    cluster.answers["/api/v1"] = {
        "resources": [
            {"name": "services/proxy", "kind": "Service"},
            {"name": "services", "kind": "Service", "namespaced": True},
        ]
    }
    path = kubeconfig_for(cluster.address)
    return lambda **options: run(plan, **INSTANCE, **{"kubeconfig": path, "namespace": "docs", **options})


def problems(result: dict[str, Any]) -> list[str]:
    """Return the problems that the message of a failed plan lists."""
    first, *others = result.get("msg", "").removesuffix("\nNothing was changed.").split("\n- ")
    return others or list(filter(None, [first]))


def live(item: dict[str, Any], uid: str = "u1", **metadata: Any) -> dict[str, Any]:
    """As it lies in the cluster."""
    return {**item, "metadata": {**item["metadata"], "uid": uid, "resourceVersion": "1", **metadata}}


def test_all_is_well(checked: Run, cluster: Any) -> None:
    cluster.answers[WEB] = live(DEPLOYMENT)
    result = checked(data_claim="zddc-root", definitions=[SERVICE])
    assert result["changed"] is True and problems(result) == []
    assert result["kubernetes_version"] == "v1.34.4" and result["namespace_exists"] is True
    assert result["claim"] == {"phase": "Bound", "access_modes": ["ReadWriteMany"], "volume": ""}
    assert [(item["kind"], item["name"], item["change"]) for item in result["objects"]] == [("Service", "web", "create")]
    assert {(verb, tuple(query["dryRun"])) for verb, _path, query, _sent in cluster.writes} == {("PATCH", ("All",))}


def test_a_namespace_that_is_missing(checked: Run, cluster: Any) -> None:
    assert checked(namespace="other", data_claim="zddc-root", definitions=[SERVICE])["msg"] == (
        f"zddc_server_namespace: there is no namespace 'other' in the cluster at {cluster.address}. "
        "Create it, name one that exists, or set zddc_server_create_namespace to true.\nNothing was changed."
    )


def test_a_namespace_that_will_be_made(checked: Run) -> None:
    result = checked(namespace="other", create_namespace=True, data_claim="zddc-root", definitions=[DEPLOYMENT])
    assert result["namespace_exists"] is False and problems(result) == [] and result["claim"] == {}


@pytest.mark.parametrize("dry", [False, True])
def test_it_tells_of_check_mode(run: Run, dry: bool) -> None:
    assert run(plan, dry, **INSTANCE, namespace="")["check_mode"] is dry


def test_removal_needs_neither_namespace_nor_claim_nor_kind(checked: Run) -> None:
    result = checked(namespace="other", data_claim="zddc-root", known=[identity(UNKNOWN)])
    assert result["namespace_exists"] is False and problems(result) == []
    assert checked(known=[identity(UNKNOWN)])["remove"] == []


def test_removal_spares_what_belongs_to_others(checked: Run, cluster: Any) -> None:
    cluster.answers[WEB] = live(DEPLOYMENT, labels={})
    assert "zddc_server_name" in checked(known=[identity(DEPLOYMENT)])["msg"]
    # Beside other objects it is nobody's business.
    assert checked(known=[identity(DEPLOYMENT)], definitions=[SERVICE])["remove"] == []


def test_what_may_not_be_read_and_was_never_applied(checked: Run, cluster: Any) -> None:
    cluster.answers[WEB] = 403
    known = [identity(DEPLOYMENT)]
    assert problems(checked(definitions=[SERVICE], known=known)) == []
    record = {
        "metadata": {"name": "web-v1"}, "revision": 1, "data": {"objects": [DEPLOYMENT]},
    }  # fmt: skip
    cluster.answers[RECORDS] = {"items": [record]}
    (problem,) = problems(checked(definitions=[SERVICE], known=known))
    assert "Deployment 'web' in namespace 'docs' cannot be read" in problem


def test_a_namespace_that_is_being_removed(checked: Run, cluster: Any) -> None:
    cluster.answers[NAMESPACE]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert checked()["msg"].startswith("zddc_server_namespace: the namespace 'docs' is being removed.")


def test_a_namespace_that_may_not_be_read(checked: Run, cluster: Any) -> None:
    cluster.answers[NAMESPACE] = 403
    assert checked(data_claim="zddc-root", definitions=[SERVICE])["namespace_exists"] is True


@pytest.mark.parametrize("namespace", ["", " "])
def test_an_empty_namespace(checked: Run, namespace: str) -> None:
    assert checked(namespace=namespace)["msg"].startswith("zddc_server_namespace is empty.")


def test_a_claim_that_is_missing(checked: Run, cluster: Any) -> None:
    cluster.answers[CLAIMS] = {"items": [{"metadata": {"name": f"claim-{number}"}} for number in range(6)]}
    assert checked(data_claim="zddc-rot", definitions=[SERVICE])["msg"] == (
        "zddc_server_data_claim: there is no claim 'zddc-rot' in namespace 'docs'. "
        "Claims there: claim-0, claim-1, claim-2, claim-3, claim-4, .... "
        "Create the claim (it is never created for you), or name one that exists.\nNothing was changed."
    )
    cluster.answers[CLAIMS] = 403
    assert "in namespace 'docs'. Create the claim" in checked(data_claim="zddc-rot", definitions=[SERVICE])["msg"]


@pytest.mark.parametrize("what", ["lost", "removed", "refused"])
def test_a_claim_that_is_of_no_use(checked: Run, cluster: Any, what: str) -> None:
    claim = cluster.answers[f"{CLAIMS}/zddc-root"]
    if what == "lost":
        claim["status"]["phase"], words = "Lost", "is Lost: its volume is gone."
    elif what == "removed":
        claim["metadata"]["deletionTimestamp"], words = "2026-01-01T00:00:00Z", "is being removed."
    else:
        cluster.answers[f"{CLAIMS}/zddc-root"], words = 403, "cannot be read: the cluster at"
    assert checked(data_claim="zddc-root", definitions=[SERVICE])["msg"].startswith(
        f"zddc_server_data_claim: {'' if what == 'refused' else 'the '}claim 'zddc-root' in namespace 'docs' {words}"
    )


@pytest.mark.parametrize(
    ("metadata", "manager"),
    [
        (
            {"annotations": {"meta.helm.sh/release-name": "old"}, "labels": {"app.kubernetes.io/managed-by": "Helm"}},
            "Helm's release 'old'",
        ),
        ({"labels": {"app.kubernetes.io/managed-by": "flux"}}, "'flux'"),
        (
            {
                "managedFields": [
                    {"manager": "kubectl", "time": "2026-01-02T00:00:00Z"},
                    {"manager": "create", "time": "2026-01-01T00:00:00Z"},
                    {"manager": "controller", "time": "2026-01-03T00:00:00Z", "subresource": "status"},
                ]
            },
            "'kubectl'",
        ),
        ({}, "another manager"),
        ({"labels": {**MINE, "app.kubernetes.io/instance": "another"}}, "'varasys.zddc'"),
    ],
)
def test_an_object_of_somebody_else(checked: Run, cluster: Any, metadata: dict[str, Any], manager: str) -> None:
    cluster.answers[WEB] = live({**DEPLOYMENT, "metadata": {"name": "web", **metadata}})
    assert checked(definitions=[DEPLOYMENT])["msg"] == (
        f"zddc_server_name: Deployment 'web' in namespace 'docs' already exists and belongs to {manager}. "
        "Choose another zddc_server_name, remove that object, or set zddc_server_take_over to true to make it this "
        "instance's.\nNothing was changed."
    )
    assert problems(checked(definitions=[DEPLOYMENT], take_over=True)) == []


CLAIM = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": METADATA}
CLAIM_KIND = {"name": "persistentvolumeclaims", "kind": "PersistentVolumeClaim", "namespaced": True}


def test_a_claim_of_somebody_else_is_not_taken_over(checked: Run, cluster: Any) -> None:
    cluster.answers["/api/v1"]["resources"].append(CLAIM_KIND)
    cluster.answers[f"{CLAIMS}/web"] = live(CLAIM, labels={})
    assert checked(definitions=[CLAIM], take_over=True)["msg"] == (
        "zddc_server_name: PersistentVolumeClaim 'web' in namespace 'docs' already exists and belongs to another manager. Choose "
        "another zddc_server_name, remove that object.\nNothing was changed."
    )


@pytest.mark.parametrize(
    ("kind", "pod", "used"),
    [
        ("ServiceAccount", {"serviceAccountName": "web"}, True),
        ("ServiceAccount", {"serviceAccountName": "default"}, False),
        ("PersistentVolumeClaim", {"volumes": [{"persistentVolumeClaim": {"claimName": "web"}}]}, True),
        ("ConfigMap", {"volumes": [{"projected": {"sources": [{"configMap": {"name": "web"}}]}}]}, True),
        ("ConfigMap", {"containers": [{"envFrom": [{"configMapRef": {"name": "web"}}]}]}, True),
        ("ConfigMap", {"containers": [{"env": [{"valueFrom": {"configMapKeyRef": {"name": "web"}}}]}]}, True),
        ("ConfigMap", {"containers": [{"envFrom": [{"configMapRef": {"name": "web", "optional": True}}]}]}, False),
    ],
)
def test_what_the_pods_use_is_not_removed(checked: Run, cluster: Any, kind: str, pod: dict[str, Any], used: bool) -> None:
    plural = f"{kind.lower()}s"
    cluster.answers["/api/v1"]["resources"].append({"name": plural, "kind": kind, "namespaced": True})
    item = {"apiVersion": "v1", "kind": kind, "metadata": METADATA}
    cluster.answers[f"{NAMESPACE}/{plural}/web"] = live(item)
    names = {**DEPLOYMENT, "metadata": {**METADATA, "name": "other"}, "spec": {"template": {"spec": pod}}}
    result = checked(known=[identity(item)], definitions=[names], set_by={kind: "variable_*"})
    told = (
        f"variable_*: {kind} 'web' is no longer desired and would be removed, but the pods use it. Keep it, or let the pods "
        "use another."
    )
    assert problems(result) == ([told] if used else [])


def test_pods_that_may_not_be_read(checked: Run, cluster: Any) -> None:
    selected = {**DEPLOYMENT, "spec": {**SPEC, "selector": {"matchLabels": {"a": "b"}}}}
    cluster.answers |= {WEB: live(selected), f"PATCH {WEB}": live(selected), "/apis/apps/v1/namespaces/docs/replicasets": 403}
    (problem,) = problems(checked(definitions=[selected]))
    assert problem.startswith(
        "zddc_server_name: the pods of Deployment 'web' in namespace 'docs' cannot be read: the cluster at "
    )


RELEASE = {"repo": "https://git.example.org/a", "ref": "v1"}


@pytest.mark.parametrize(
    ("noted", "options", "refused"),
    [
        ({**RELEASE, "commit": "b" * 40}, {"pinned": True}, True),
        ({**RELEASE, "commit": "b" * 40}, {"pinned": False}, False),
        ({**RELEASE, "commit": "a" * 40}, {"pinned": True}, False),
        ({**RELEASE, "ref": "v0", "commit": "b" * 40}, {"pinned": True}, False),
        ({**RELEASE, "repo": "https://git.example.org/b", "commit": "b" * 40}, {"pinned": True}, False),
        ({}, {"pinned": True}, False),
    ],
)
def test_a_tag_that_has_moved(checked: Run, cluster: Any, noted: dict[str, str], options: dict[str, bool], refused: bool) -> None:
    annotations = {f"varasys.zddc/git-{key}": value for key, value in noted.items()}
    running = live(DEPLOYMENT)
    running["spec"] = {**running["spec"], "template": {"metadata": {"annotations": annotations}}}
    cluster.answers[WEB] = running
    result = checked(definitions=[DEPLOYMENT], record={**RELEASE, "commit": "a" * 40}, **options)
    assert (
        problems(result)
        == [
            f"zddc_server_git_ref: the tag 'v1' has moved. It was deployed at commit {'b' * 40} and is now at {'a' * 40}. A "
            "release does not change: ask who moved it, and name another, or set zddc_server_allow_moved_tag to true."
        ]
        * refused
    )
    # The tag is the instance's: another Deployment may be of another commit.
    beside = {**DEPLOYMENT, "metadata": {**METADATA, "name": "beside"}}
    cluster.answers[f"{WEB.removesuffix('web')}beside"] = {**running, "metadata": {**running["metadata"], "name": "beside"}}
    assert problems(checked(definitions=[beside], record={**RELEASE, "commit": "a" * 40}, **options)) == []
    assert [verb for verb, _path, query, _sent in cluster.writes if query["dryRun"] != ["All"]] == []


def test_pods_that_the_cluster_does_not_admit(checked: Run, cluster: Any) -> None:
    cluster.answers["POST /api/v1/namespaces/docs/pods"] = 403
    result = checked(definitions=[DEPLOYMENT])
    assert problems(result) == [
        "zddc_server_namespace: the cluster admits no pod of this instance in namespace 'docs': message of 403. Fix that, or "
        "name another namespace."
    ]
    assert [verb for verb, _path, query, _sent in cluster.writes if query["dryRun"] != ["All"]] == []
    # The user's own objects are the user's own affair.
    others = {**DEPLOYMENT, "metadata": {**METADATA, "name": "beside"}}
    assert problems(checked(definitions=[others])) == []


def test_a_cache_whose_claim_has_another_access_mode(checked: Run, cluster: Any) -> None:
    cluster.answers[f"{CLAIMS}/cache"] = {
        "metadata": {"name": "cache"}, "spec": {"accessModes": ["ReadWriteOnce"]}, "status": {"phase": "Bound"},
    }  # fmt: skip
    options = {"definitions": [SERVICE], "build_cache_claim": "cache"}
    assert problems(checked(**options)) == []
    assert problems(checked(**options, build_cache_access_mode="ReadWriteMany")) == [
        "zddc_server_build_cache_access_mode is ReadWriteMany, and the claim 'cache' in namespace 'docs' has ReadWriteOnce. "
        "Set the variable to what the claim has."
    ]


def test_cautions_are_for_what_is_wanted(checked: Run) -> None:
    said = "Mind the gap."
    # Ansible keeps warnings until the process ends.
    assert said not in json.dumps(checked(definitions=[], cautions=[said]).get("warnings", []))
    assert said in json.dumps(checked(definitions=[SERVICE], cautions=[said])["warnings"])


def test_a_kind_that_the_cluster_does_not_know(checked: Run) -> None:
    assert (
        "does not know Route of example.org/v1. Install what provides it, or turn off what needs it."
        in checked(definitions=[UNKNOWN])["msg"]
    )


@pytest.mark.parametrize("there", [True, False])
def test_a_claim_that_cannot_be_changed(checked: Run, cluster: Any, there: bool) -> None:
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": METADATA}
    cluster.answers["/api/v1"]["resources"].append(
        {"name": "persistentvolumeclaims", "kind": "PersistentVolumeClaim", "namespaced": True}
    )
    cluster.answers |= {f"PATCH {CLAIMS}/web": 422} | ({f"{CLAIMS}/web": live(claim)} if there else {})
    advice = (
        "  This claim cannot be changed this way. Revert the change, or deploy once with zddc_server_build_cache: none, which "
        "removes the claim, and then deploy with the change."
    )
    assert checked(definitions=[claim], set_by={"PersistentVolumeClaim": "cache_*"})["msg"].splitlines() == [
        "Nothing was changed. The cluster rejects what the variables give. Fix this and run again:",
        "- cache_*: message of 422",
        *([advice] if there else []),
    ]


def test_problems_are_told_together(checked: Run, cluster: Any) -> None:
    cluster.answers["/api/v1/namespaces/docs/services/web"] = live(SERVICE, labels={})
    result = checked(data_claim="none", definitions=[SERVICE])
    lines = result["msg"].splitlines()
    assert lines[0] == "2 problems:" and lines[-1] == "Nothing was changed."
    assert len(problems(result)) == 2 and all(line.startswith("- zddc_server_") for line in lines[1:3])


# The cluster itself


def test_a_cluster_that_refuses_connections(run: Run, kubeconfig_for: Kubeconfig, closed: int) -> None:
    message = run(plan, **INSTANCE, kubeconfig=kubeconfig_for(f"https://127.0.0.1:{closed}"), namespace="docs")["msg"]
    assert message.startswith(
        f"zddc_server_kubeconfig, zddc_server_context: the cluster at https://127.0.0.1:{closed} refuses the connection: "
    )


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_cluster_that_does_not_answer(run: Run, kubeconfig_for: Kubeconfig, silent: int, scheme: str) -> None:
    began = time.monotonic()
    message = run(plan, **INSTANCE, kubeconfig=kubeconfig_for(f"{scheme}://127.0.0.1:{silent}"), namespace="docs")["msg"]
    assert f"the cluster at {scheme}://127.0.0.1:{silent} does not answer within 5 s." in message
    assert time.monotonic() - began < 20


def test_a_cluster_that_trickles(run: Run, kubeconfig_for: Kubeconfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "LIMIT", 2)
    over = threading.Event()

    def trickle(listener: socket.socket) -> None:
        connection, _address = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not over.wait(0.2):
                connection.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=trickle, args=(listener,), daemon=True)
        thread.start()
        try:
            path = kubeconfig_for(f"http://127.0.0.1:{listener.getsockname()[1]}")
            assert (
                "the checks of the cluster took more than 2 s." in run(plan, **INSTANCE, kubeconfig=path, namespace="docs")["msg"]
            )
        finally:
            over.set()
            thread.join()


def test_a_credential_plugin_that_hangs(run: Run, kubeconfig_for: Kubeconfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "LIMIT", 1)
    plugin = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sleep", "args": ["20"]}}
    began = time.monotonic()
    message = run(plan, **INSTANCE, kubeconfig=kubeconfig_for("http://127.0.0.1:1", plugin), namespace="docs")["msg"]
    assert "credential plugin" in message and time.monotonic() - began < 15


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (401, "does not accept the credentials (401). Renew them"),
        (403, "denies access (403): message of 403. Give this user the right"),
        (404, "answers, but is not a Kubernetes API server. Correct its address."),
        (500, "answers with an error (500): message of 500."),
        ("<html>", "answers, but is not a Kubernetes API server."),
    ],
)
def test_a_cluster_that_will_not(run: Run, cluster: Any, kubeconfig_for: Kubeconfig, answer: Any, words: str) -> None:
    cluster.answers["/version"] = answer
    result = run(plan, **INSTANCE, kubeconfig=kubeconfig_for(cluster.address), namespace="docs")
    assert f"the cluster at {cluster.address} {words}" in result["msg"] and "s3cr3t" not in json.dumps(result)


def test_an_unknown_host(run: Run, kubeconfig_for: Kubeconfig) -> None:
    message = run(plan, **INSTANCE, kubeconfig=kubeconfig_for("https://cluster.invalid"), namespace="docs")["msg"]
    assert "the cluster at https://cluster.invalid cannot be found: its host name is not known." in message


def test_a_certificate_that_is_not_trusted(run: Run, kubeconfig_for: Kubeconfig, tmp_path: Path) -> None:
    key, cert = tmp_path / "key", tmp_path / "cert"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=x",
            "-days",
            "2",
            "-keyout",
            key,
            "-out",
            cert,
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)

    def greet(listener: socket.socket) -> None:
        connection, _address = listener.accept()
        with connection, suppress(OSError):
            context.wrap_socket(connection, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet, args=(listener,), daemon=True)
        thread.start()
        path = kubeconfig_for(f"https://127.0.0.1:{listener.getsockname()[1]}")
        message = run(plan, **INSTANCE, kubeconfig=path, namespace="docs")["msg"]
        thread.join()
    assert "cannot be trusted or does not speak TLS: " in message and "self-signed certificate" in message
    assert message.splitlines()[0].endswith("Correct its address or its CA certificate.")


def test_a_server_that_speaks_no_tls(run: Run, cluster: Any, kubeconfig_for: Kubeconfig) -> None:
    path = kubeconfig_for(cluster.address.replace("http:", "https:"))
    assert "cannot be trusted or does not speak TLS: " in run(plan, **INSTANCE, kubeconfig=path, namespace="docs")["msg"]


# The kubeconfig


def test_no_kubeconfig(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    none, advice = tmp_path / "none", "Set zddc_server_kubeconfig to the kubeconfig of the cluster."
    assert problems(run(plan, **INSTANCE, kubeconfig=str(none), namespace="docs")) == [
        f"zddc_server_kubeconfig: there is no kubeconfig {none}. {advice}"
    ]
    assert problems(run(plan, **INSTANCE, namespace="docs")) == [
        f"zddc_server_kubeconfig: there is no kubeconfig {tmp_path}/home/.kube/config (from the default). {advice}"
    ]
    for name in ("KUBECONFIG", "K8S_AUTH_KUBECONFIG"):
        monkeypatch.setenv(name, str(none))
        assert problems(run(plan, **INSTANCE, namespace="docs")) == [
            f"zddc_server_kubeconfig: there is no kubeconfig {none} (from the environment variable {name}). {advice}"
        ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: [", "is broken: invalid YAML in line "),
        ("", "is broken: it is empty or not a mapping."),
        ("- a", "is broken: it is empty or not a mapping."),
        ("contexts: [a]", "is broken: contexts is not a list of named items."),
        ("contexts: []", "has no current context (it has none). Set zddc_server_context."),
        ("{contexts: [{name: a}]}", "has no current context (it has a). Set zddc_server_context."),
        ("{contexts: [{name: a}], current-context: b}", "has no context 'b', its own current context (it has a)."),
        ("{contexts: [{name: a}], current-context: a}", "cannot be used: "),
    ],
)
def test_a_broken_kubeconfig(run: Run, tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(content, encoding="utf-8")
    message = run(plan, **INSTANCE, kubeconfig=str(path), namespace="docs")["msg"]
    assert message.startswith("zddc_server_") and f"{path} {words}" in message


def test_a_kubeconfig_that_cannot_be_read(run: Run, tmp_path: Path) -> None:
    assert (
        f"the kubeconfig {tmp_path} cannot be read: Is a directory."
        in run(plan, **INSTANCE, kubeconfig=str(tmp_path), namespace="docs")["msg"]
    )


def test_a_context_that_is_missing(run: Run, cluster: Any, kubeconfig_for: Kubeconfig) -> None:
    path = kubeconfig_for(cluster.address)
    assert problems(run(plan, **INSTANCE, kubeconfig=path, context="two", namespace="docs")) == [
        f"zddc_server_context: the kubeconfig {path} has no context 'two' (it has one). "
        "Set zddc_server_context to one that it has."
    ]


def test_a_certificate_file_that_is_missing(run: Run, kubeconfig_for: Kubeconfig) -> None:
    clusters = [{"name": "one", "cluster": {"server": "https://127.0.0.1:1", "certificate-authority": "none.crt"}}]
    assert "none.crt" in run(plan, **INSTANCE, kubeconfig=kubeconfig_for("", clusters=clusters), namespace="docs")["msg"]


def test_a_kubeconfig_as_a_mapping(run: Run, cluster: Any, kubeconfig_for: Kubeconfig) -> None:
    content = yaml.safe_load(Path(kubeconfig_for(cluster.address)).read_text(encoding="utf-8"))
    cluster.answers[NAMESPACE] = {"metadata": {}}
    result = run(plan, **INSTANCE, kubeconfig=content, namespace="docs")
    assert result["kubernetes_version"] == "v1.34.4" and "s3cr3t" not in json.dumps(result)


def test_the_way_without_a_kubeconfig(run: Run, cluster: Any) -> None:
    cluster.answers[NAMESPACE] = {"metadata": {}}
    assert run(plan, **INSTANCE, host=cluster.address, api_key="s3cr3t", namespace="docs")["namespace_exists"] is True


def test_a_host_in_the_environment_beside_a_kubeconfig(
    run: Run, cluster: Any, kubeconfig_for: Kubeconfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("K8S_AUTH_HOST", cluster.address)
    result = run(plan, **INSTANCE, kubeconfig=kubeconfig_for("http://127.0.0.1:1"), namespace="docs")
    assert problems(result) == [
        f"zddc_server_kubeconfig: the environment variable K8S_AUTH_HOST also names a cluster, {cluster.address}, "
        "and kubernetes.core would use that one. Unset it, or leave zddc_server_kubeconfig empty."
    ]
    assert cluster.requests == []


# The client library


@pytest.mark.parametrize("found", ["32.0.0", "35.0.0", "35.2.1", "36.0.0", "24.1.0"])
def test_a_client_library_that_is_known_to_fail(run: Run, monkeypatch: pytest.MonkeyPatch, found: str) -> None:
    monkeypatch.setattr(api, "version", lambda _name: found)
    assert problems(run(plan, **INSTANCE, namespace="docs")) == [
        f"The Python library kubernetes {found} does not work with kubernetes.core. "
        "Install kubernetes 37.0.2 for the Python that runs the modules (ansible_python_interpreter)."
    ]


@pytest.mark.parametrize("found", ["24.2.0", "31.0.0", "32.0.1", "33.1.0", "36.0.1", "37.0.2", "38.0.0b1"])
def test_other_client_libraries_pass(monkeypatch: pytest.MonkeyPatch, found: str) -> None:
    monkeypatch.setattr(api, "version", lambda _name: found)
    api.check_client()


def test_no_client_library(tmp_path: Path) -> None:
    """The module still loads: the library is hidden from a Python of its own."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nfor name in ('kubernetes', 'urllib3'): sys.modules[name] = None\n", encoding="utf-8"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("ansible"), "localhost", "-i", "localhost,", "-c", "local"),
            *("-e", f"ansible_python_interpreter={sys.executable}"),
            *("-m", "varasys.zddc.plan", "-a", '{"name": "web", "namespace": "docs", "owner_labels": {}}'),
        ],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "ANSIBLE_LOCALHOST_WARNING": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "The Python library kubernetes is missing. Install kubernetes 37.0.2" in done.stdout + done.stderr


def test_every_request_has_a_time_out(checked: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    timeouts, request = [], DynamicClient.request

    def spy(self: DynamicClient, *args: Any, **options: Any) -> Any:
        timeouts.append(options["_request_timeout"])
        return request(self, *args, **options)

    monkeypatch.setattr(DynamicClient, "request", spy)
    checked(data_claim="zddc-root", definitions=[DEPLOYMENT, SERVICE], timeout=3)
    assert len(timeouts) >= 6 and set(timeouts) == {3}
