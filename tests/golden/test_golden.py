# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rendered manifests against those in git, and against the schemas of every supported Kubernetes."""

from __future__ import annotations

import difflib
import os
import shutil
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
EXPECTED = HERE / "expected"
CASES: dict[str, dict] = yaml.safe_load((HERE / "cases.yml").read_text())["zddc_server"]["hosts"]
MODES = ("prod", "dev")
KUBERNETES_VERSIONS = ("1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37")
# What these set shows in no manifest, or takes a repository to show.
NOT_RENDERED = {
    "zddc_server_state",
    "zddc_server_create_namespace",
    "zddc_server_kubeconfig",
    "zddc_server_context",
    "zddc_server_guarded_elsewhere",
    "zddc_server_allow_mutable_ref",
    "zddc_server_allow_moved_tag",
    "zddc_server_expected_commit",
    "zddc_server_trusted_signers",
    "zddc_server_git_timeout",
    "zddc_server_build_timeout",
    "zddc_server_unschedulable_timeout",
    "zddc_server_rollback_on_failure",
    "zddc_server_failures_dir",
    "zddc_server_history_limit",
    "zddc_server_lease_timeout",
    "zddc_server_outage_timeout",
    "zddc_server_force_conflicts",
    "zddc_server_allowed_managers",
    "zddc_server_take_over",
}


def manifests(folder: Path) -> dict[str, str]:
    """Give the manifests below a folder by file name."""
    return {path.name: path.read_text() for path in sorted(folder.rglob("*.yaml"))}


def job(folder: Path, case: str) -> list[str]:
    """Give the Job of a case that builds before a rollout, if it has one."""
    return [path.read_text() for path in (folder / "jobs").glob(f"{case}.yaml")]


def difference(base: dict[str, str], case: dict[str, str]) -> str:
    """Give the unified diff from the manifests of a mode to those of a case."""
    lines: list[str] = []
    for name in sorted(base.keys() | case.keys()):
        before, after = (side.get(name, "").splitlines(keepends=True) for side in (base, case))
        lines += difflib.unified_diff(before, after, f"mode/{name}", f"case/{name}", n=1)
    return "".join(lines)


@pytest.fixture(scope="module", autouse=True)
def write_anew(rendered: Path) -> None:
    """Write what is expected, where that is asked for."""
    if os.environ.get("ZDDC_GOLDEN") != "write":
        return
    shutil.rmtree(EXPECTED, ignore_errors=True)
    EXPECTED.mkdir()
    for mode in MODES:
        (EXPECTED / mode).mkdir()
        for name, text in manifests(rendered / mode).items():
            (EXPECTED / mode / name).write_text(text)
    for case in CASES.keys() - set(MODES):
        found = difference(manifests(rendered / mode_of(case)), manifests(rendered / case))
        (EXPECTED / f"{case}.diff").write_text(found)


def mode_of(case: str) -> str:
    """Give the mode of a case."""
    return CASES[case].get("zddc_server_mode", "prod")


@pytest.mark.parametrize("mode", MODES)
def test_manifests_of_a_mode(rendered: Path, mode: str) -> None:
    assert manifests(rendered / mode) == manifests(EXPECTED / mode), "`make golden` writes them anew, for review"


@pytest.mark.parametrize("case", sorted(CASES.keys() - set(MODES)))
def test_difference_of_a_case(rendered: Path, case: str) -> None:
    found = difference(manifests(rendered / mode_of(case)), manifests(rendered / case))
    assert found, "the options of this case change nothing"
    assert found == (EXPECTED / f"{case}.diff").read_text(), "`make golden` writes them anew, for review"


def test_nothing_else_is_expected() -> None:
    names = {path.name.removesuffix(".diff") for path in EXPECTED.iterdir()}
    assert names == CASES.keys()


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
@pytest.mark.parametrize("case", CASES)
def test_schema(rendered: Path, case: str, version: str) -> None:
    found = manifests(rendered / case)
    assert {"deployment.yaml", "service.yaml"} <= found.keys()
    for text in [*found.values(), *job(rendered, case)]:
        kubernetes_validate.validate(yaml.safe_load(text), version, strict=True)


def test_schema_refuses_an_unknown_field(rendered: Path) -> None:
    deployment = yaml.safe_load(manifests(rendered / "prod")["deployment.yaml"])
    deployment["spec"]["template"]["spec"]["containers"][0]["comand"] = []
    with pytest.raises(kubernetes_validate.ValidationError, match="comand"):
        kubernetes_validate.validate(deployment, KUBERNETES_VERSIONS[-1], strict=True)


def test_every_option_has_a_case() -> None:
    specs = yaml.safe_load((PROJECT / "roles/zddc_server/meta/argument_specs.yml").read_text())
    options = specs["argument_specs"]["main"]["options"].keys()
    assert options - NOT_RENDERED == {name for case in CASES.values() for name in case}


def test_the_fixed_variables_are_fixed(rendered: Path) -> None:
    for case in CASES:
        deployment = yaml.safe_load(manifests(rendered / case)["deployment.yaml"])
        env = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
        names = [entry["name"] for entry in env]
        assert len(names) == len(set(names)), case
        assert {"name": "ZDDC_TLS_CERT", "value": "none"} in env, case
        assert {"name": "ZDDC_INSECURE_DIRECT", "value": "1"} in env, case
