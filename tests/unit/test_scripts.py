# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What fetches and builds in the pod: run as the pod runs it, with a repository in a folder and a stand-in for go."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

FILES = Path(__file__).parent.parent.parent / "roles/zddc_server/files"
GIT = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
# With this protocol a server gives no commit by its hash, but for the ends of branches and tags.
OLD_PROTOCOL = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "protocol.version", "GIT_CONFIG_VALUE_0": "0"}
GO = """#!/bin/sh
case $1 in
  version) echo go version go1.0 ;;
  build)
    echo "${SAYS-}" >&2
    [ -z "${FAILS-}" ] || exit 1
    cp go.mod "$4"
    ;;
esac
"""

Run = Callable[..., tuple[int, list[str]]]


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, with no configuration but its own."""
    author = {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **GIT, **author}
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module", name="repository")
def repository_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a repository with an older commit, and a newer one at the end of main and of the annotated tag v2."""
    folder = tmp_path_factory.mktemp("repository")
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "zddc").mkdir()
    for release in ("one", "two"):
        (folder / "zddc/go.mod").write_text(f"module {release}\n")
        git(folder, "add", "zddc")
        git(folder, "commit", "--quiet", "--message", release)
    git(folder, "tag", "--annotate", "--message=two", "v2")
    return folder


@pytest.fixture(name="run")
def run_fixture(tmp_path: Path, repository: Path) -> Run:
    """Give the function that runs a script for a commit, and gives the exit code and what it says."""
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    (stubs / "go").write_text(GO)
    (stubs / "go").chmod(0o755)
    for folder in ("build", "bin"):
        (tmp_path / folder).mkdir()

    def run(script: str, commit: str, **more: str) -> tuple[int, list[str]]:
        environment = {
            "PATH": f"{stubs}:{os.environ['PATH']}",
            "SOURCE_REPO": f"file://{repository}",
            "SOURCE_REF": "main",
            "SOURCE_COMMIT": commit,
            "BUILD_DIR": str(tmp_path / "build"),
            "BIN_DIR": str(tmp_path / "bin"),
            "HOME": str(tmp_path / "build/home"),
            "TMPDIR": str(tmp_path / "build/tmp"),
            **GIT,
            **more,
        }
        command = ["sh", "-c", (FILES / script).read_text()]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        # Without what git says, on whichever stream.
        own = ("fetch: ", "build: ")
        said = [line for line in done.stdout.splitlines() if "ALL" in more or line.startswith(own)]
        return done.returncode, said

    return run


@pytest.mark.parametrize("protocol", [{}, OLD_PROTOCOL], ids=["by its hash", "with all branches and tags"])
def test_an_older_commit(run: Run, repository: Path, tmp_path: Path, protocol: dict[str, str]) -> None:
    commit = git(repository, "rev-parse", "main~1")
    code, said = run("fetch.sh", commit, **protocol)
    fallback = ["fetch: the repository does not give that commit by itself: fetching all branches and tags"]
    assert said == [
        f"fetch: ref main, commit {commit}, from file://{repository}",
        *(fallback if protocol else []),
        f"fetch: checked out {commit}",
    ]
    assert code == 0

    code, said = run("build.sh", commit)
    assert code == 0
    assert said[0] == f"build: ref main, commit {commit}, with go version go1.0"
    assert (tmp_path / "bin/zddc-server").read_text() == "module one\n"


def test_a_hash_that_leads_to_another(run: Run, repository: Path) -> None:
    tag, commit = git(repository, "rev-parse", "v2"), git(repository, "rev-parse", "v2^{commit}")
    code, said = run("fetch.sh", tag)
    assert (code, said[-1]) == (1, f"fetch: checked out {commit} where {tag} was asked for")


def test_no_other_commit_is_built(run: Run, repository: Path, tmp_path: Path) -> None:
    newer, older = git(repository, "rev-parse", "main", "main~1").split()
    assert run("fetch.sh", newer)[0] == 0
    assert run("build.sh", older) == (1, [f"build: the source is at {newer} where {older} was asked for"])
    assert not (tmp_path / "bin/zddc-server").exists()


def test_of_the_packages_few_are_told_and_all_else_is(run: Run, repository: Path, tmp_path: Path) -> None:
    commit = git(repository, "rev-parse", "main")
    assert run("fetch.sh", commit)[0] == 0
    packages = "\n".join(f"crypto/p{number}" for number in range(2000))
    error = "# zddc\n./main.go:1:2: build: undefined: a  b"
    code, said = run("build.sh", commit, SAYS=f"{packages}\n{error}", FAILS="1", ALL="1")
    assert code == 1
    assert said[1] == "build: package 1: crypto/p0"
    assert said[-2:] == error.splitlines()
    assert len(said) < 30
    assert not (tmp_path / "bin/zddc-server").exists()
    # A later start of the container is not held for the failure of this one.
    assert run("build.sh", commit)[0] == 0
