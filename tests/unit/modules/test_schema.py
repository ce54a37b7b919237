# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""schema, on manifests that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.modules import schema

Run = Callable[..., dict[str, Any]]
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}},
    },
}
CUSTOM = {"apiVersion": "example.org/v1", "kind": "Route", "metadata": {"name": "web"}}


def with_spec(**spec: Any) -> dict[str, Any]:
    return {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], **spec}}


def with_container(**container: Any) -> dict[str, Any]:
    return with_spec(template={"spec": {"containers": [{"name": "web", **container}]}})


@pytest.mark.parametrize("version", ["1.34", "v1.34", "1.34.4"])
def test_what_fits(run: Run, version: str) -> None:
    result = run(schema, definitions=[DEPLOYMENT, CUSTOM], kubernetes_version=version)
    assert result["kubernetes_version"] == "1.34" and result["changed"] is False
    assert (result["checked"], result["unchecked"], result["problems"]) == (["Deployment web"], ["Route web"], [])


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        (with_spec(replicas="two"), "spec.replicas: 'two' is not of type 'integer', 'null'"),
        (with_spec(replica=2), "spec: Additional properties are not allowed ('replica' was unexpected)"),
        (
            with_container(imag="web:1"),
            "spec.template.spec.containers[0]: Additional properties are not allowed ('imag' was unexpected)",
        ),
    ],
)
def test_what_does_not_fit(run: Run, definition: dict[str, Any], problem: str) -> None:
    set_by = {"Deployment": "zddc_server_*"}
    result = run(schema, definitions=[definition, DEPLOYMENT], kubernetes_version="1.34", set_by=set_by)
    line = f"Deployment web: {problem}. It is set by zddc_server_*."
    assert result["problems"] == [line]
    assert result["msg"] == f"This does not fit Kubernetes 1.34. Nothing was changed. Fix this and run again:\n- {line}"


@pytest.mark.parametrize("version", ["1.12", "1.99", "1.34junk", "new"])
def test_a_version_that_is_not_known(run: Run, version: str) -> None:
    result = run(schema, definitions=[DEPLOYMENT], kubernetes_version=version)
    assert result["msg"].startswith(f"kubernetes_version is '{version}', and the schemas of kubernetes-validate are 1.25 to ")


def test_the_library_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "kubernetes_validate", None)
    assert run(schema, definitions=[DEPLOYMENT])["msg"] == (
        "The Python library kubernetes-validate is missing, for the Python that runs ansible-playbook. Install it: pip "
        "install kubernetes-validate"
    )
