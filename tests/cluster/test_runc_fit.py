# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The OCI runtime that asks for no more than the machine has, run with a runc that tells what it was given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WRAPPER = Path(__file__).parents[2] / "roles/kind_cluster/files/runc_fit.py"


def held() -> set[int]:
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    mask = int(next(line for line in status if line.startswith("CapBnd")).split()[1], 16)
    return {bit for bit in range(64) if mask >> bit & 1}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    runc = tmp_path / "bin/runc"
    runc.parent.mkdir()
    runc.write_text('#!/bin/sh\necho "$@"\n', encoding="utf-8")
    runc.chmod(0o755)
    process = {"capabilities": {"bounding": ["CAP_CHOWN", "CAP_NO_SUCH"], "ambient": []}, "oomScoreAdj": -999}
    (tmp_path / "config.json").write_text(json.dumps({"process": process, "root": {"path": "x"}}), encoding="utf-8")
    (tmp_path / "process.json").write_text(json.dumps(process), encoding="utf-8")
    return tmp_path


def run(bundle: Path, *args: str) -> str:
    environment = os.environ | {"PATH": f"{bundle}/bin:{os.environ['PATH']}"}
    done = subprocess.run([sys.executable, WRAPPER, *args], env=environment, capture_output=True, text=True, check=True, cwd="/")
    return done.stdout.strip()


def content(file: Path) -> dict:
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("args", [["create", "--bundle", "{}", "id"], ["run", "--bundle={}", "id"], ["create", "-b", "{}", "id"]])
def test_a_container_asks_for_what_there_is(bundle: Path, args: list[str]) -> None:
    given = ["--root", "/r", *[arg.format(bundle) for arg in args]]
    assert run(bundle, *given) == " ".join(given)
    spec = content(bundle / "config.json")
    assert spec["process"]["capabilities"]["bounding"] == (["CAP_CHOWN"] if 0 in held() else [])
    assert spec["process"]["oomScoreAdj"] == 0
    assert spec["root"] == {"path": "x"}


def test_a_process_in_a_container_asks_for_what_there_is(bundle: Path) -> None:
    run(bundle, "exec", "--process", str(bundle / "process.json"), "id")
    process = content(bundle / "process.json")
    assert "CAP_NO_SUCH" not in process["capabilities"]["bounding"]
    assert process["oomScoreAdj"] == 0


def test_other_commands_change_nothing(bundle: Path) -> None:
    before = (bundle / "config.json").read_bytes()
    assert run(bundle, "delete", "--force", "id") == "delete --force id"
    assert (bundle / "config.json").read_bytes() == before
