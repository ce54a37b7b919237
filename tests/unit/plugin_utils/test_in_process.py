# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The same comes of it whether the controller does a module's work itself or runs the module."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes
import pytest

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import own_files

MINE = {"app.kubernetes.io/managed-by": "varasys.zddc"}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "docs", "labels": MINE, "annotations": {"of": "s3cr3t"}},
    "spec": {"ports": [{"port": 80}]},
}
LEASES = "/apis/coordination.k8s.io/v1/namespaces/docs/leases"
HELD = {
    "metadata": {"name": "web", "namespace": "docs", "resourceVersion": "1", "uid": "u1"},
    "spec": {"holderIdentity": "ada", "leaseDurationSeconds": 30, "renewTime": "2026-01-01T00:00:00.000000Z"},
}
TASKS = {
    "plan": {"name": "web", "namespace": "docs", "owner_labels": MINE, "definitions": [SERVICE]},
    "plan, no namespace": {"name": "web", "namespace": "other", "owner_labels": MINE, "definitions": [SERVICE]},
    "plan, bad option": {"name": "web", "namespace": "docs", "owner_labels": MINE, "definitons": []},
    "lease": {"name": "web", "namespace": "docs", "holder": "ada"},
    "lease, held": {"name": "web", "namespace": "docs", "holder": "bob", "wait": 0},
    "lease, released": {"name": "web", "namespace": "docs", "holder": "ada", "state": "released"},
    "lease, by nobody": {"name": "web", "namespace": "docs", "state": "released"},
}


@pytest.fixture
def result(cluster: Any, play: Callable[..., Any], tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Run one task, with other keywords or variables, and give its result as the controller has it."""
    cluster.answers |= {
        "/api/v1/namespaces/docs": {"metadata": {"name": "docs"}},
        "/apis/apps/v1/namespaces/docs/controllerrevisions": {"items": []},
        "/apis/apps/v1/controllerrevisions": {"items": []},
        "/api/v1": {"resources": [{"name": "services", "kind": "Service", "namespaced": True}]},
        f"{LEASES}/web": HELD,
    }
    cluster.now = "2026-01-01T00:00:10Z"

    def run(
        which: str, keywords: dict[str, Any], reached: dict[str, str] | None = None, temporary: Path = tmp_path, **variables: Any
    ) -> dict[str, Any]:
        options = {**TASKS[which], **(reached or {"host": cluster.address, "api_key": "s3cr3t"})}
        task = {f"varasys.zddc.{which.partition(',')[0]}": options, "diff": True, **keywords}
        variables = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}", **variables}
        book = [{"hosts": "all", "gather_facts": False, "vars": variables, "tasks": [task]}]
        (tmp_path / "play.yml").write_text(json.dumps(book))
        ran = play("-i", "here,", tmp_path / "play.yml", TMPDIR=str(temporary))
        assert "s3cr3t" not in ran.output
        (told,) = ran.results
        return dict(told)

    return run


@pytest.mark.parametrize("which", TASKS)
def test_the_same_comes_of_it(result: Callable[..., dict[str, Any]], which: str) -> None:
    here, module = result(which, {}), result(which, {"environment": {"ANY": "thing"}})
    assert "invocation" not in here
    # Only a module that began to work tells how it was called.
    assert "invocation" in module or "bad" in which or "nobody" in which
    for told in (here, module):
        for key in ("invocation", "_ansible_no_log", "exception", "warnings", "waited"):
            told.pop(key, None)
    if "bad" in which or "nobody" in which:
        # Ansible's own words differ between the two in what comes before.
        assert here.pop("msg").rpartition(": ")[2] == module.pop("msg").rpartition(": ")[2]
        assert here["failed"] and module["failed"]
    else:
        assert here == module


@pytest.mark.parametrize(
    ("keywords", "variables"),
    [
        ({}, {"ansible_python_interpreter": "/proc/self/exe/../exe"}),
        ({"become": True, "become_method": "ansible.builtin.sudo"}, {"ansible_become_exe": "false"}),
        ({"timeout": 60}, {}),
        ({"environment": {"K8S_AUTH_CONTEXT": "x"}}, {}),
    ],
    ids=["interpreter", "become", "timeout", "environment"],
)
def test_where_it_would_not_the_module_runs(
    result: Callable[..., dict[str, Any]], keywords: dict[str, Any], variables: dict[str, Any]
) -> None:
    told = result("lease", keywords, **variables)
    assert "holder" not in told or "invocation" in told


def test_a_value_that_is_secret_is_hidden(result: Callable[..., dict[str, Any]]) -> None:
    (item,) = result("plan", {})["objects"]
    assert item["definition"]["metadata"]["annotations"]["of"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def test_check_mode_reaches_it(result: Callable[..., dict[str, Any]]) -> None:
    assert result("plan", {"check_mode": True})["check_mode"] is True
    assert result("plan", {})["check_mode"] is False


@pytest.mark.parametrize("keywords", [{}, {"environment": {"ANY": "thing"}}], ids=["in process", "module"])
def test_no_key_of_a_kubeconfig_stays_on_the_disk(
    result: Callable[..., dict[str, Any]],
    kubeconfig_for: Callable[..., str],
    closed: int,
    tmp_path: Path,
    keywords: dict[str, Any],
) -> None:
    pem = base64.b64encode(b"a key").decode()
    path = kubeconfig_for(f"https://127.0.0.1:{closed}", {"client-certificate-data": pem, "client-key-data": pem})
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    assert result("lease", keywords, {"kubeconfig": path, "outage_timeout": "0"}, temporary)["failed"]
    assert list(temporary.iterdir()) == []


def test_the_files_of_the_process_before_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An inventory plugin has asked the cluster before the fork."""
    client = kubernetes.config.kube_config
    monkeypatch.setattr(client, "_temp_files", {})
    before = Path(client._create_temp_file_with_content("before", str(tmp_path)))
    with own_files():
        own = [Path(client._create_temp_file_with_content(one, str(tmp_path))) for one in ("before", "own")]
        assert before not in own and [path.exists() for path in own] == [True, True]
    assert [path.exists() for path in (before, *own)] == [True, False, False]
    assert client._create_temp_file_with_content("before", str(tmp_path)) == str(before)
