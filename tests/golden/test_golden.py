# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rendered manifests against those in git, and against the schemas of every supported Kubernetes."""

from __future__ import annotations

import difflib
import os
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
EXPECTED = HERE / "expected"
CASES: dict[str, dict] = yaml.safe_load((HERE / "cases.yml").read_text())
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


# Its Job, whole, is what the Jobs of other cases are held against.
WITH_A_JOB = "prod-cache-own"


def manifests(folder: Path) -> dict[str, str]:
    """Give the manifests below a folder by file name."""
    return {path.name: path.read_text() for path in sorted(folder.rglob("*.yaml"))}


def job(folder: Path, case: str) -> dict[str, str]:
    """Give the Job of a case that builds before a rollout, if it has one."""
    return {"job-build.yaml": path.read_text()} if (path := folder / "jobs" / f"{case}.yaml").exists() else {}


def changed(rendered: Path, case: str) -> dict[str, str]:
    """Give the unified diffs from the manifests of a mode to those of a case, by file name."""
    after = manifests(rendered / case) | job(rendered, case)
    before = manifests(rendered / mode_of(case)) | (
        job(rendered, WITH_A_JOB) if job(rendered, case) and case != WITH_A_JOB else {}
    )
    diffs: dict[str, str] = {}
    for name in sorted(before.keys() | after.keys()):
        sides = (side.get(name, "").splitlines(keepends=True) for side in (before, after))
        if lines := "".join(difflib.unified_diff(*sides, f"mode/{name}", f"case/{name}", n=1)):
            diffs[name] = lines
    return diffs


def difference(rendered: Path, case: str) -> str:
    """Give the unified diff from the manifests of a mode to those of a case."""
    return "".join(changed(rendered, case).values())


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
        (EXPECTED / f"{case}.diff").write_text(difference(rendered, case))


def mode_of(case: str) -> str:
    """Give the mode of a case."""
    return CASES[case].get("zddc_server_mode", "prod")


@pytest.mark.parametrize("mode", MODES)
def test_manifests_of_a_mode(rendered: Path, mode: str) -> None:
    assert manifests(rendered / mode) == manifests(EXPECTED / mode), "`make golden` writes them anew, for review"


@pytest.mark.parametrize("case", sorted(CASES.keys() - set(MODES)))
def test_difference_of_a_case(rendered: Path, case: str) -> None:
    found = difference(rendered, case)
    assert found, "the options of this case change nothing"
    assert found == (EXPECTED / f"{case}.diff").read_text(), "`make golden` writes them anew, for review"


def test_nothing_else_is_expected() -> None:
    names = {path.name.removesuffix(".diff") for path in EXPECTED.iterdir()}
    assert names == CASES.keys()


@pytest.fixture(scope="module", autouse=True)
def read_schemas_once() -> Iterator[None]:
    """It would read them anew for each manifest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kubernetes_validate.utils, "schema_contents", cache(kubernetes_validate.utils.schema_contents))
        yield


@cache
def validate(text: str, version: str) -> None:
    """Validate a manifest, which several cases may share."""
    kubernetes_validate.validate(yaml.load(text, yaml.CSafeLoader), version, strict=True)


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
@pytest.mark.parametrize("case", CASES)
def test_schema(rendered: Path, case: str, version: str) -> None:
    found = manifests(rendered / case)
    assert {"deployment.yaml", "service.yaml"} <= found.keys()
    for name, text in (found | job(rendered, case)).items():
        # A kind of the Gateway API, which is none of Kubernetes' own: the API server checks it, in tests/deploy.
        if name != "httproute.yaml":
            validate(text, version)


def test_schema_refuses_an_unknown_field(rendered: Path) -> None:
    deployment = yaml.safe_load(manifests(rendered / "prod")["deployment.yaml"])
    deployment["spec"]["template"]["spec"]["containers"][0]["comand"] = []
    with pytest.raises(kubernetes_validate.ValidationError, match="comand"):
        kubernetes_validate.validate(deployment, KUBERNETES_VERSIONS[-1], strict=True)


def test_every_option_has_a_case() -> None:
    specs = yaml.safe_load((PROJECT / "roles/zddc_server/meta/argument_specs.yml").read_text())
    options = specs["argument_specs"]["main"]["options"].keys()
    assert options - NOT_RENDERED == {name for case in CASES.values() for name in case}


# The manifests that a variable concerns, where that is not the Deployment, and with it the Job.
CONCERNS = {
    r"service_account_(?!name|create)": {"serviceaccount.yaml"},
    r"service_account_create": {"serviceaccount.yaml", "deployment.yaml", "job-build.yaml"},
    r"service_port": {"service.yaml", "httproute.yaml"},
    r"service_(type|node_port|labels|annotations|patch)": {"service.yaml"},
    r"ingress_": {"ingress.yaml"},
    r"http_route_": {"httproute.yaml"},
    r"disruption_budget": {"poddisruptionbudget.yaml"},
    r"(allowed_clients$|network_policy_)": {"networkpolicy.yaml"},
    r"(build_egress$|build_network_policy_)": {"networkpolicy-build.yaml"},
    r"build_cache_(size|storage_class|labels|annotations|patch)": {"persistentvolumeclaim-build-cache.yaml"},
    r"build_(job|pod)_": {"job-build.yaml"},
    r"replicas$": {"deployment.yaml", "poddisruptionbudget.yaml"},
    r"build_cache$": {"persistentvolumeclaim-build-cache.yaml", "deployment.yaml", "job-build.yaml"},
    r"extra_objects$": {"extra-configmap-greeting.yaml"},
    r"mode$": set(),
}
ALL = re.compile(r"zddc_server_(name|namespace|labels|annotations)$")


@pytest.mark.parametrize("case", sorted(CASES.keys() - set(MODES)))
def test_a_variable_changes_what_it_concerns(rendered: Path, case: str) -> None:
    concerned: set[str] = set()
    for name in CASES[case]:
        if ALL.match(name):
            return
        found = (files for part, files in CONCERNS.items() if re.match(f"zddc_server_{part}", name))
        concerned |= next(found, {"deployment.yaml", "job-build.yaml"})
    assert changed(rendered, case).keys() <= concerned


# The part that each object has of the variables' names.
OPTIONS = {
    "deployment.yaml": "deployment",
    "service.yaml": "service",
    "ingress.yaml": "ingress",
    "httproute.yaml": "http-route",
    "networkpolicy.yaml": "network-policy",
    "networkpolicy-build.yaml": "build-network-policy",
    "poddisruptionbudget.yaml": "disruption-budget",
    "persistentvolumeclaim-build-cache.yaml": "build-cache",
    "job-build.yaml": "build-job",
}


def test_labels_and_annotations_go_to_their_object(rendered: Path) -> None:
    found = manifests(rendered / "prod-metadata") | job(rendered, "prod-metadata")
    for name, text in found.items():
        definition = yaml.safe_load(text)
        metadata = definition["metadata"]
        assert metadata["labels"]["example.org/of"] == OPTIONS[name]
        assert metadata["labels"]["example.org/team"] == "archive"
        assert metadata["annotations"].keys() >= {"example.org/note", "example.org/contact"}
        if pod := {"Deployment": "pod", "Job": "build-pod"}.get(definition["kind"]):
            metadata = definition["spec"]["template"]["metadata"]
            assert metadata["labels"]["example.org/of"] == pod
            assert "example.org/note" in metadata["annotations"]
            assert not {"example.org/team", "example.org/contact"} & {*metadata["labels"], *metadata["annotations"]}
    assert found.keys() == OPTIONS.keys()


def test_no_variable_is_part_of_a_command(rendered: Path) -> None:
    """What a container runs is of the role's files and fixed words; what variables say reaches it as environment."""
    folder = PROJECT / "roles/zddc_server/files"
    scripts = {path.read_text().strip() for path in folder.iterdir()}
    words = {"/bin/sh", "-c", "sh", "overlay", "serve", "mount", "keep", "/opt/zddc/zddc-server"}
    for case in CASES:
        for text in [manifests(rendered / case)["deployment.yaml"], *job(rendered, case).values()]:
            pod = yaml.safe_load(text)["spec"]["template"]["spec"]
            for container in [*pod.get("initContainers", []), *pod["containers"]]:
                said = [*container.get("command", []), *container.get("args", [])]
                assert {word.strip() for word in said} <= scripts | words, (case, container["name"])


def test_the_fixed_variables_are_fixed(rendered: Path) -> None:
    for case in CASES:
        deployment = yaml.safe_load(manifests(rendered / case)["deployment.yaml"])
        env = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
        names = [entry["name"] for entry in env]
        assert len(names) == len(set(names)), case
        assert {"name": "ZDDC_TLS_CERT", "value": "none"} in env, case
        assert {"name": "ZDDC_INSECURE_DIRECT", "value": "1"} in env, case
