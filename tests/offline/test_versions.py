# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The README's table of versions names those that are pinned."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "README.md").read_text().partition("## Versions\n")[2].partition("\n## ")[0]
ROWS = {
    cells[0].strip(" `").partition("`")[0]: cells[2]
    for cells in (line.strip("|").split("|") for line in TABLE.splitlines() if line[:1] == "|")
}


def pinned(path: str) -> dict[str, str]:
    """Give what a file of requirements pins."""
    lines = [line for line in (ROOT / path).read_text().splitlines() if line and not line.startswith("#")]
    return {one.name: str(one.specifier).removeprefix("==") for one in map(Requirement, lines)}


@pytest.mark.parametrize("name", ["ansible-core", "kubernetes", "kubernetes-validate"])
def test_what_is_pinned(name: str) -> None:
    assert pinned("requirements.txt")[name] in ROWS[name]


def test_every_package_has_a_reason() -> None:
    reasons = (ROOT / "CONTRIBUTING.md").read_text().partition("## Dependencies\n")[2]
    named = {name for line in reasons.splitlines() if line[:1] == "|" for name in re.split(r"[, ]+", line.split("|")[1])}
    assert pinned("requirements.txt").keys() <= named


def test_the_newest() -> None:
    assert pinned("tests/newest/requirements.txt")["ansible-core"] in ROWS["ansible-core"]


def test_the_least() -> None:
    """What the collection asks of Ansible and of kubernetes.core is what the table says."""
    assert yaml.safe_load((ROOT / "meta/runtime.yml").read_text())["requires_ansible"] == ">=2.19.0"
    assert "| ansible-core | 2.19 or newer |" in TABLE
    assert yaml.safe_load((ROOT / "galaxy.yml").read_text())["dependencies"] == {"kubernetes.core": ">=6.0.0,<7.0.0"}
    assert "| kubernetes.core | 6.x |" in TABLE


def test_the_cluster() -> None:
    found = re.search(r"k8s.io/kubernetes v(\S+)", (ROOT / "roles/kind_cluster/files/pieces/kubernetes/go.mod").read_text())
    assert found and found[1] in ROWS["Kubernetes"]
