# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rendered manifests, the build's Job included, before checkov and kube-score: what they find is accepted, or fails."""

from __future__ import annotations

import json
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from go_module import build

HERE = Path(__file__).parent
ACCEPTED: list[dict[str, Any]] = yaml.safe_load((HERE / "accepted.yml").read_text())
CASES = ("prod", "prod-careful", "dev", "dev-careful", "dev-careful-sidecar")
SPOILT = "spoilt"
"""A case of its own: the Deployment of prod, with a server that is privileged."""
CHECKOV = Path(sys.prefix) / "scan/bin/checkov"
# What kube-score gives where it finds nothing.
PERFECT = 10

Finding = tuple[str, str, str]


def files(rendered: Path, case: str) -> list[Path]:
    """Give the manifests of a case."""
    return [*sorted((rendered / case).rglob("*.yaml")), *(rendered / "jobs").glob(f"{case}.yaml")]


@pytest.fixture(scope="module", name="findings")
def findings_fixture(rendered: Path) -> set[Finding]:
    """Give what both find, as check, case and where in it."""
    assert CHECKOV.exists(), "`make test` installs checkov; without it: make .venv/scan/done"
    kube_score = build(HERE / "kube-score", "github.com/zegl/kube-score/cmd/kube-score")
    spoil(rendered)
    every = {case: [str(path) for path in files(rendered, case)] for case in (*CASES, SPOILT)}
    # It asks no other machine: whatever could be downloaded is not.
    options = ["--framework", "kubernetes", "--skip-download", "--output", "json"]
    asked = json.dumps([[*options, *(f"--file={path}" for path in paths)] for paths in every.values()])
    *each, _end = output(CHECKOV.with_name("python"), HERE / "checkov_runs.py", asked=asked).split("\0")
    found: set[Finding] = set()
    for (case, paths), said in zip(every.items(), each, strict=True):
        for item in json.loads(said)["results"]["failed_checks"]:
            found.add((item["check_id"], case, item["resource"]))
        for scored in json.loads(output(kube_score, "score", "--output-format", "json", "--output-version", "v2", *paths)):
            for check in scored["checks"]:
                if not check["skipped"] and check["grade"] < PERFECT:
                    wheres = [comment["path"] for comment in check["comments"] or []] or [""]
                    found |= {(check["check"]["id"], case, f"{scored['object_name']} {where}") for where in wheres}
    return found


def spoil(rendered: Path) -> None:
    """Make the case that both find fault with."""
    manifest = yaml.safe_load((rendered / "prod/deployment.yaml").read_text())
    manifest["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    (rendered / SPOILT).mkdir()
    (rendered / SPOILT / "deployment.yaml").write_text(yaml.safe_dump(manifest))


def output(program: Path, *arguments: str | Path, asked: str = "") -> str:
    """Give what a scanner prints; that it found something is no failure of it."""
    done = subprocess.run([program, *arguments], input=asked, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def accepts(line: dict[str, Any], finding: Finding) -> bool:
    """Tell whether a line of accepted.yml stands for a finding."""
    check, case, where = finding
    in_a_case = any(fnmatch(case, glob) for glob in line["cases"].split())
    return check in line["checks"].split() and in_a_case and line.get("where", "") in where


def test_nothing_is_found_that_is_not_accepted(findings: set[Finding]) -> None:
    assert [one for one in sorted(findings) if one[1] != SPOILT and not any(accepts(line, one) for line in ACCEPTED)] == []


@pytest.mark.parametrize("line", ACCEPTED, ids=[line["checks"].split()[0] for line in ACCEPTED])
def test_what_is_accepted_is_found(findings: set[Finding], line: dict[str, Any]) -> None:
    assert line["why"]
    for check in line["checks"].split():
        for case in line["cases"].split():
            assert any(accepts({**line, "checks": check, "cases": case}, one) for one in findings), (check, case)


def test_they_look(findings: set[Finding]) -> None:
    """A privileged server in prod is found by both."""
    seen = {check for check, case, _where in findings if case == SPOILT}
    assert {"CKV_K8S_16", "container-security-context-privileged"} <= seen
