# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ways to say which cluster is meant: each finds the instance there, at which nothing is to be changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture(name="elsewhere")
def elsewhere_fixture(stage: Any, tmp_path: Path) -> dict[str, Any]:
    """Give a kubeconfig of the cluster whose current context leads elsewhere, and the context that does not."""
    content = yaml.safe_load(Path(stage.kubeconfig).read_text())
    context = content["current-context"]
    user = content["contexts"][0]["context"]["user"]
    content["clusters"].append({"name": "elsewhere", "cluster": {"server": "https://127.0.0.1:1"}})
    content["contexts"].append({"name": "elsewhere", "context": {"cluster": "elsewhere", "user": user}})
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(content | {"current-context": "elsewhere"}))
    return {"kubeconfig": str(tmp_path / "kubeconfig"), "context": context}


@pytest.fixture(autouse=True)
def no_other_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take the caller's own ways out of the environment."""
    for name in ("K8S_AUTH_KUBECONFIG", "K8S_AUTH_CONTEXT", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def check(stage: Any, **variables: Any) -> None:
    """Deploy the instance as it is, in check mode."""
    before = stage.objects()
    played = stage.deploy("--check", **variables)
    assert (played.returncode, played.message, played.changed) == (0, "", 0)
    assert stage.objects() == before


def test_the_environment_of_ansible(stage: Any, elsewhere: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8S_AUTH_KUBECONFIG", stage.kubeconfig)
    monkeypatch.setenv("KUBECONFIG", elsewhere["kubeconfig"])
    check(stage, kubeconfig="")


def test_the_environment_of_kubectl(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", stage.kubeconfig)
    check(stage, kubeconfig="")


def test_a_context(stage: Any, elsewhere: dict[str, Any]) -> None:
    check(stage, **elsewhere)
