# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is built here with Go asks for no newer one than the local cluster brings."""

from __future__ import annotations

import re
from pathlib import Path

import go_module
import pytest
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
BROUGHT = Version((ROOT / "roles/kind_cluster/files/pieces/go/version").read_text())
MODULES = [
    *ROOT.glob("roles/kind_cluster/files/pieces/*/go.mod"),
    *ROOT.glob("tests/*/*/go.mod"),
    *ROOT.glob("bench/*/go.mod"),
]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.parent.name)
def test_a_module(path: Path) -> None:
    asked = re.search(r"^go ([0-9.]+)$", path.read_text(), re.MULTILINE)
    assert asked, f"{path} names no version of Go"
    assert Version(asked[1]) <= BROUGHT
    assert "\ntoolchain " not in path.read_text()


def test_another_checkouts_go_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would go in the middle of a build, when that checkout builds its own anew."""
    other, own = (tmp_path / path for path in ("cache/pieces/go-000000000000/bin/go", "bin/go"))
    for program in (other, own):
        program.parent.mkdir(parents=True)
        program.touch(0o755)
    monkeypatch.setattr(go_module, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("PATH", f"{own.parent}:/usr/bin:/bin")
    assert go_module.go_program() == own
