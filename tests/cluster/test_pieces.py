# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The driver that builds the pieces of a local cluster, on pieces that take no time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

FILES = Path(__file__).parents[2] / "roles/kind_cluster/files"


class Pieces:
    """A copy of the driver with pieces of its own: `top` is made from `part`, and every plan holds `go`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        shutil.copy(FILES / "pieces.sh", folder)
        self.write("go/build", "touch $OUT/made")
        self.write("part/build", "echo part > $OUT/made; echo noise")
        self.write("top/build", "cat $(need part)/made > $OUT/made; echo top >> $OUT/made")
        self.write("top/needs", "go\npart")

    def write(self, path: str, content: str) -> None:
        file = self.folder / "pieces" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content + "\n", encoding="utf-8")

    def run(self, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "CACHE": str(self.cache), **environment}
        return subprocess.run(
            ["bash", self.folder / "pieces.sh", *args], env=environment, capture_output=True, text=True, check=False
        )

    def build(self, name: str) -> str:
        result = self.run("build", name)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def plan(self) -> dict[str, tuple[str, str]]:
        lines = [line.split() for line in self.run("plan", "top").stdout.splitlines()]
        return {name: (key, state) for name, key, state in lines}

    def build_all(self) -> None:
        for name in self.plan():
            self.build(name)


@pytest.fixture
def pieces(tmp_path: Path) -> Pieces:
    return Pieces(tmp_path)


def test_a_plan_is_in_the_order_of_building(pieces: Pieces) -> None:
    assert list(pieces.plan()) == ["go", "part", "top"]
    assert {state for _, state in pieces.plan().values()} == {"missing"}
    assert not pieces.cache.exists()


def test_what_is_built_needs_nothing_that_it_was_made_from(pieces: Pieces) -> None:
    pieces.build_all()
    assert list(pieces.plan()) == ["top"]
    shutil.rmtree(pieces.run("path", "top").stdout.strip())
    shutil.rmtree(pieces.run("path", "part").stdout.strip())
    assert {name: state for name, (_, state) in pieces.plan().items()} == {"go": "built", "part": "missing", "top": "missing"}


def test_a_piece_is_built_once_and_says_so_in_one_line(pieces: Pieces) -> None:
    first = pieces.build("part")
    assert first.split()[1:] == ["s"] and first.split()[0].isdigit()
    assert pieces.build("part") == "cached\n"


def test_a_piece_is_made_from_what_it_needs(pieces: Pieces) -> None:
    pieces.build_all()
    where = Path(pieces.run("path", "top").stdout.strip())
    assert (where / "made").read_text(encoding="utf-8") == "part\ntop\n"


def test_a_change_reaches_all_that_is_made_from_it_and_nothing_else(pieces: Pieces) -> None:
    pieces.build_all()
    before = pieces.plan()
    pieces.write("part/more", "new")
    after = pieces.plan()
    assert [state for _, state in after.values()] == ["built", "missing", "missing"]
    assert before["top"] != after["top"]


def test_a_piece_is_the_same_whatever_go_the_machine_has(tmp_path: Path) -> None:
    own = tmp_path / "bin/go"
    own.parent.mkdir()
    own.write_text("#!/bin/sh\necho go1.99.0\n", encoding="utf-8")
    own.chmod(0o755)
    plans = [
        subprocess.run(
            ["bash", FILES / "pieces.sh", "plan", "node"],
            env={"CACHE": str(tmp_path / "cache"), "PATH": path}, capture_output=True, text=True, check=True,
        ).stdout
        for path in ("/usr/bin:/bin", f"{own.parent}:/usr/bin:/bin")
    ]  # fmt: skip
    assert plans[0] == plans[1]
    assert plans[0].startswith("go ")


def test_the_old_build_of_a_piece_goes_when_the_new_one_is_there(pieces: Pieces) -> None:
    pieces.build("part")
    pieces.write("part/more", "new")
    pieces.build("part")
    assert len(list((pieces.cache / "pieces").glob("part-*"))) == 1


def test_a_piece_whose_name_only_begins_alike_stays(pieces: Pieces) -> None:
    pieces.write("part-git/build", "touch $OUT/made")
    pieces.build("part-git")
    pieces.build("part")
    assert pieces.run("path", "part-git").stdout


def test_what_go_downloads_and_compiles_stays_in_the_cache(pieces: Pieces) -> None:
    pieces.write("part/build", 'echo "$GOCACHE $GOMODCACHE $GOFLAGS" > $OUT/made')
    pieces.build("part")
    where = Path(pieces.run("path", "part").stdout.strip())
    assert (where / "made").read_text(encoding="utf-8") == f"{pieces.cache}/go/build {pieces.cache}/go/mod -modcacherw\n"


def test_a_build_that_was_interrupted_starts_anew(pieces: Pieces) -> None:
    key = pieces.plan()["part"][0]
    half = pieces.cache / f"pieces/part-{key}.partial"
    half.mkdir(parents=True)
    (half / "half").touch()
    pieces.build("part")
    assert [file.name for file in Path(pieces.run("path", "part").stdout.strip()).iterdir()] == ["made"]


def test_a_build_that_fails_leaves_nothing_that_passes_for_built(pieces: Pieces) -> None:
    pieces.write("part/build", "echo half > $OUT/made; echo 'the reason' >&2; false; echo never > $OUT/made")
    result = pieces.run("build", "part")
    assert result.returncode != 0
    assert "the reason" in result.stderr
    assert result.stdout == ""
    assert pieces.run("path", "part").stdout == ""


def test_every_module_of_every_piece_is_pinned() -> None:
    folders = [file.parent for file in FILES.glob("pieces/*/go.mod")]
    assert len(folders) >= 8
    for folder in folders:
        assert (folder / "go.sum").stat().st_size > 0, folder
        assert "go" in (folder / "needs").read_text(encoding="utf-8").split(), folder


def test_whoever_follows_a_build_hears_how_far_it_is(pieces: Pieces) -> None:
    pieces.write("part/build", "touch $OUT/made; sleep 2")
    said = pieces.run("follow", "part", PATIENCE="1").stdout
    assert re.fullmatch("[12] s so far\n", said)
    # Another may follow it too.
    said = pieces.run("follow", "part").stdout
    assert re.fullmatch("[23] s\n", said)
    assert pieces.run("follow", "part").stdout == "cached\n"
    assert list((pieces.cache / "running").iterdir()) == []


def test_whoever_follows_a_build_hears_why_it_failed(pieces: Pieces) -> None:
    pieces.write("part/build", "echo 'the reason' >&2; false")
    for _again in range(2):
        result = pieces.run("follow", "part")
        assert (result.returncode, result.stdout) == (1, "")
        assert "the reason" in result.stderr


def test_a_build_that_was_ended_is_begun_anew(pieces: Pieces) -> None:
    run = pieces.cache / f"running/part-{pieces.plan()['part'][0]}"
    run.mkdir(parents=True)
    # No process has this number.
    (run / "pid").write_text("4194305\n", encoding="utf-8")
    assert re.fullmatch("[01] s\n", pieces.run("follow", "part").stdout)
