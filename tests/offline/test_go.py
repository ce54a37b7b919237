# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is built here with Go asks for no newer one than the local cluster brings where the machine has none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = dict(re.findall(r"(\w+)=([0-9.]+)", (ROOT / "roles/kind_cluster/files/pieces/go/version").read_text()))
MODULES = [
    *ROOT.glob("roles/kind_cluster/files/pieces/*/go.mod"),
    *ROOT.glob("tests/*/*/go.mod"),
    *ROOT.glob("bench/*/go.mod"),
]


def test_the_wheel_is_new_enough() -> None:
    assert Version(VERSIONS["wheel"]) >= Version(VERSIONS["least"])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.parent.name)
def test_a_module(path: Path) -> None:
    asked = re.search(r"^go ([0-9.]+)$", path.read_text(), re.MULTILINE)
    assert asked, f"{path} names no version of Go"
    assert Version(asked[1]) <= Version(VERSIONS["least"])
    assert "\ntoolchain " not in path.read_text()
