# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Every module that asks the cluster says in one word why it could not."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import outage
from ansible_collections.varasys.zddc.plugins.modules import (
    apply,
    build,
    dev_changes,
    helm_release_info,
    history_info,
    lease,
    plan,
    rollout,
    signature,
    status_info,
    verify,
)

INSTANCE = {"name": "web", "namespace": "docs", "owner_labels": {"a": "b"}}
JOB = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "web-build", "namespace": "docs"}}
SIGNED = {"repo": "https://git.example.org", "ref": "v1", "commit": "0" * 40, "kind": "tag", "noted": {}, "timeout": 5}
AT_ONCE = {"outage_timeout": 0}
MODULES: dict[ModuleType, dict[str, Any]] = {
    apply: AT_ONCE,
    build: {"name": "web", "definition": JOB, "labels": {"a": "b"}, **AT_ONCE},
    dev_changes: INSTANCE,
    history_info: INSTANCE,
    lease: {"name": "web", "namespace": "docs", "holder": "ada", **AT_ONCE},
    plan: {**INSTANCE, **AT_ONCE},
    helm_release_info: {"name": "web", "namespace": "docs"},
    rollout: {"name": "web", "namespace": "docs", **AT_ONCE},
    signature: {**SIGNED, "config_map": "signers", "key": "signers", "namespace": "docs"},
    status_info: INSTANCE,
    verify: INSTANCE,
}
WORDS = ("it is so", 'Connection refused; User "ada" cannot get resource "pods" in API group ""; exceeded quota: few')
Run = Callable[..., dict[str, Any]]
of_each_module = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])


class Every(dict[str, Any]):
    """The same answer to whatever is asked."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer

    def get(self, _key: str, _default: Any = None) -> Any:
        return self.answer


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize(
    ("code", "reason"), [(401, "expired"), (403, "forbidden"), (422, "refused"), (429, "away"), (503, "away")]
)
@of_each_module
def test_what_the_cluster_answers(
    run: Run, cluster: Any, kubeconfig_for: Callable[..., str], module: ModuleType, code: int, reason: str, words: str
) -> None:
    cluster.answers = Every((code, {"kind": "Status", "message": words, "code": code}))
    result = run(module, **MODULES[module], kubeconfig=kubeconfig_for(cluster.address))
    assert (result["failed"], result["reason"]) == (True, reason)
    assert result.get("outage") == (outage(0) if module in (build, rollout) and reason == "away" else None)


@of_each_module
def test_a_cluster_that_does_not_answer(run: Run, closed: int, kubeconfig_for: Callable[..., str], module: ModuleType) -> None:
    options = {**MODULES[module], "kubeconfig": kubeconfig_for(f"http://127.0.0.1:{closed}")}
    assert run(module, **options)["reason"] == "away"
    assert run(module, **options, context="none")["reason"] == "setup"
    assert run(module, **{**options, "kubeconfig": kubeconfig_for("http://[")})["reason"] == "setup"


def test_a_server_that_is_no_cluster(run: Run, cluster: Any, kubeconfig_for: Callable[..., str]) -> None:
    cluster.answers = Every("Hello")
    assert run(history_info, **INSTANCE, kubeconfig=kubeconfig_for(cluster.address))["reason"] == "setup"
    del cluster.answers
    cluster.answers = {}
    assert run(plan, **MODULES[plan], kubeconfig=kubeconfig_for(cluster.address))["reason"] == "setup"


def test_what_the_plan_could_not_look_at(run: Run, cluster: Any, kubeconfig_for: Callable[..., str]) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "docs", "labels": {"a": "b"}}}
    base = "/api/v1/namespaces/docs"
    cluster.answers |= {
        base: {"metadata": {"name": "docs"}},
        "/apis/apps/v1/namespaces/docs/controllerrevisions": {"items": []},
        "/api/v1": {"resources": [{"name": "services", "kind": "Service", "namespaced": True}]},
    }
    options = {**MODULES[plan], "kubeconfig": kubeconfig_for(cluster.address), "definitions": [service]}
    # A problem of the variables is none of the cluster's.
    result = run(plan, **options, data_claim="missing")
    assert (result["reason"], result["msg"].count("\n")) == ("", 1)
    for path, code, reason in (
        (f"PATCH {base}/services/web", 422, "refused"),
        (f"{base}/services/web", 503, "away"),
        (f"{base}/persistentvolumeclaims/data", 403, "forbidden"),
        (base, 401, "expired"),
    ):
        cluster.answers[path] = code
        result = run(plan, **options, data_claim="data" if reason == "forbidden" else "")
        assert (result["reason"], result["msg"].count("\n"), result["failed"]) == (reason, 1, True)
        del cluster.answers[path]
        cluster.answers |= {base: {"metadata": {"name": "docs"}}}


def test_a_lease_that_is_another_runs(run: Run, cluster: Any, kubeconfig_for: Callable[..., str]) -> None:
    held = {"holderIdentity": "bob", "leaseDurationSeconds": 30, "renewTime": "2126-01-01T00:00:00.000000Z"}
    found = {"metadata": {"name": "web", "resourceVersion": "1"}, "spec": held}
    cluster.answers["/apis/coordination.k8s.io/v1/namespaces/docs/leases/web"] = found
    given = {"kubeconfig": kubeconfig_for(cluster.address)}
    assert run(lease, **MODULES[lease], **given, wait=0)["reason"] == "lost_lease"
