# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What fetches and builds in the pod: run as the pod runs it, with a repository in a folder and a stand-in for go."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

FILES = Path(__file__).parents[3] / "roles/zddc_server/files"
GIT = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
# With this protocol a server gives no commit by its hash, but for the ends of branches and tags.
OLD_PROTOCOL = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "protocol.version", "GIT_CONFIG_VALUE_0": "0"}
GO = """#!/bin/sh
case $1 in
  version)
    echo go version go1.0
    [ "$#" = 1 ] || [ -z "${STAMP-}" ] || printf '\tbuild\tvcs.revision=%s\n' "$STAMP"
    ;;
  env) [ "$2" = GOVERSION ] && echo go1.0 || echo linux ;;
  build)
    echo "${SAYS-}" >&2
    [ -z "${FAILS-}" ] || exit 1
    cp go.mod "$3"
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

    def start(script: str, commit: str, pod: str = "pod", **more: str) -> subprocess.Popen[str]:
        for folder in ("build", "bin"):
            (tmp_path / pod / folder).mkdir(parents=True, exist_ok=True)
        environment = {
            "PATH": f"{stubs}:{os.environ['PATH']}",
            "SOURCE_REPO": f"file://{repository}",
            "SOURCE_REF": "main",
            "SOURCE_COMMIT": commit,
            "BUILD_KEY": f"key-of-{commit}",
            "BUILD_FLAGS": "-trimpath",
            "BUILD_DIR": str(tmp_path / pod / "build"),
            "BIN_DIR": str(tmp_path / pod / "bin"),
            "CACHE_MIB": "100",
            "HOME": str(tmp_path / pod / "build/home"),
            "TMPDIR": str(tmp_path / pod / "build/tmp"),
            **GIT,
            **more,
        }
        texts = [(FILES / name).read_text() for name in ("run.sh", "builder.sh", script)]
        return subprocess.Popen(
            ["sh", "-c", texts[0], "sh", *texts[1:]],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(script: str, commit: str, **more: str) -> tuple[int, list[str]]:
        process = start(script, commit, **more)
        out = process.communicate(timeout=60)[0]
        # Without what git says, on whichever stream.
        own = ("fetch: ", "build: ")
        return process.returncode, [line for line in out.splitlines() if "ALL" in more or line.startswith(own)]

    run.start = start
    return run


def test_what_cannot_be_fetched(run: Run, tmp_path: Path) -> None:
    commit = "1" * 40
    code, said = run("fetch.sh", commit, SOURCE_REPO=f"file://{tmp_path}/nowhere")
    assert code == 1
    assert said == [
        f"fetch: ref main, commit {commit}, from file://{tmp_path}/nowhere",
        f"fetch: commit {commit} could not be fetched from file://{tmp_path}/nowhere, tried 3 times: "
        f"'{tmp_path}/nowhere' does not appear to be a git repository",
    ]


@pytest.mark.parametrize("user", ["", "builder"])
def test_a_token_is_for_its_host_alone(run: Run, tmp_path: Path, user: str) -> None:
    access, home = tmp_path / "access", tmp_path / "pod/build/home"
    access.mkdir()
    # What a shell or its echo would take for something else.
    (access / "password").write_text("a\\n$(id)'b\"\n")
    if user:
        (access / "username").write_text(user)
    repository = "https://127.0.0.1:1/one/two.git"
    code, said = run("fetch.sh", "1" * 40, SOURCE_REPO=repository, ACCESS_DIR=str(access), ALL="1")
    assert code == 1
    assert "id" not in "".join(said)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "ACCESS_DIR": str(access), **GIT}

    def ask(url: str) -> str:
        asked = subprocess.run(
            ["git", "credential", "fill"], env=environment, input=f"url={url}\n\n", capture_output=True, text=True, check=False
        )
        return asked.stdout if asked.returncode == 0 else ""

    assert ask(repository).splitlines()[-2:] == [f"username={user or 'git'}", "password=a\\n$(id)'b\""]
    assert ask("https://127.0.0.1:2/one/two.git") == ""


def test_certificates_come_besides_those_of_the_image(run: Run, repository: Path, tmp_path: Path) -> None:
    access, image = tmp_path / "access", tmp_path / "image.crt"
    access.mkdir()
    (access / "ca.crt").write_text("given")
    image.write_text("image")
    code, _said = run("fetch.sh", git(repository, "rev-parse", "main"), ACCESS_DIR=str(access), SSL_CERT_FILE=str(image))
    assert (code, (tmp_path / "pod/build/ca.crt").read_text()) == (0, "image\ngiven\n")


@pytest.mark.parametrize("protocol", [{}, OLD_PROTOCOL], ids=["by its hash", "with all branches and tags"])
def test_an_older_commit(run: Run, repository: Path, tmp_path: Path, protocol: dict[str, str]) -> None:
    commit = git(repository, "rev-parse", "main~1")
    code, said = run("fetch.sh", commit, **protocol)
    fallback = ["fetch: the repository does not serve that commit by its hash: fetching all branches and tags"]
    assert said == [
        f"fetch: ref main, commit {commit}, from file://{repository}",
        *(fallback if protocol else []),
        f"fetch: checked out {commit}",
    ]
    assert code == 0

    code, said = run("build.sh", commit)
    assert code == 0
    assert said[0] == f"build: ref main, commit {commit}, with go version go1.0"
    assert (tmp_path / "pod/bin/zddc-server").read_text() == "module one\n"


def test_a_hash_that_leads_to_another(run: Run, repository: Path) -> None:
    tag, commit = git(repository, "rev-parse", "v2"), git(repository, "rev-parse", "v2^{commit}")
    code, said = run("fetch.sh", tag)
    assert (code, said[-1]) == (1, f"fetch: checked out commit {commit}, but {tag} was requested")


def test_no_other_commit_is_built(run: Run, repository: Path, tmp_path: Path) -> None:
    newer, older = git(repository, "rev-parse", "main", "main~1").split()
    assert run("fetch.sh", newer)[0] == 0
    assert run("build.sh", older) == (1, [f"build: the source is at commit {newer}, but {older} was requested"])
    assert not (tmp_path / "pod/bin/zddc-server").exists()


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
    assert not (tmp_path / "pod/bin/zddc-server").exists()
    # A later start of the container is not held for the failure of this one.
    assert run("build.sh", commit)[0] == 0


def test_a_binary_that_names_another_commit(run: Run, repository: Path, tmp_path: Path) -> None:
    newer, older = git(repository, "rev-parse", "main", "main~1").split()
    assert run("fetch.sh", newer)[0] == 0
    code, said = run("build.sh", newer, STAMP=older)
    assert (code, said[-1]) == (1, f"build: the binary was built from commit {older}, but {newer} was requested")
    assert run("build.sh", newer, STAMP=newer)[0] == 0
    assert f"vcs.revision={newer}\n" in (tmp_path / "pod/bin/zddc-server.record").read_text()


@pytest.fixture(name="cached")
def cached_fixture(run: Run, repository: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """Give the function that brings up a pod with the cache, and gives what its two containers say."""
    commit = git(repository, "rev-parse", "main")

    def bring_up(pod: str, **more: str) -> list[str]:
        said: list[str] = []
        for script in ("fetch.sh", "build.sh"):
            code, lines = run(script, commit, pod=pod, **{"CACHE_DIR": str(tmp_path / "cache"), **more})
            said += lines
            assert code == 0, said
        assert (tmp_path / pod / "bin/zddc-server").read_text() == "module two\n"
        return said

    return bring_up


# Where there is nothing to fetch from and nothing that compiles.
ALONE = {"SOURCE_REPO": "file:///nowhere", "FAILS": "1"}
TAKEN = "fetch: the cache has its binary: nothing to fetch"
DAMAGED = "fetch: the binary of commit {} in the cache is damaged or missing: building it again"


def test_what_one_pod_built_another_takes(cached: Callable[..., list[str]], tmp_path: Path) -> None:
    first = cached("one")
    assert any(re.fullmatch(r"build: built in \d{1,3} s:", line) for line in first)
    second = cached("two", **ALONE)
    assert second[1] == TAKEN
    records = [(tmp_path / pod / "bin/zddc-server.record").read_text() for pod in ("one", "two")]
    assert records[0] == records[1]
    assert [f"build:   {line}" for line in records[0].splitlines()] == second[-len(records[0].splitlines()) :]
    assert sorted(line.partition("=")[0] for line in records[0].splitlines()) == [
        "build", "built", "commit", "flags", "go", "platform", "sha256",
    ]  # fmt: skip


def test_a_pod_that_starts_again_has_its_binary(cached: Callable[..., list[str]]) -> None:
    cached("one")
    assert cached("one", **ALONE, CACHE_DIR="")[1] == "fetch: an earlier start of this pod has built it: nothing to fetch"


def test_another_build_of_the_commit_is_no_hit(cached: Callable[..., list[str]]) -> None:
    cached("one")
    assert TAKEN not in cached("two", BUILD_KEY="another")


def flip(path: Path) -> None:
    """Change one byte."""
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    """Cut off the end, as a full disk may."""
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("harm", [flip, cut, Path.unlink])
@pytest.mark.parametrize("what", ["binaries", "records"])
def test_a_damaged_entry_is_built_anew(
    cached: Callable[..., list[str]], repository: Path, tmp_path: Path, harm: Callable[[Path], None], what: str
) -> None:
    cached("one")
    (entry,) = (tmp_path / "cache" / what).iterdir()
    harm(entry)
    # Without the repository: the cache has the source.
    said = cached("two", SOURCE_REPO=f"file://{repository}")
    commit = git(repository, "rev-parse", "main")
    if (what, harm) != ("records", Path.unlink):
        assert DAMAGED.format(commit) in said
    assert "fetch: the cache has the source of that commit" in said
    assert cached("three", **ALONE)[1] == TAKEN


def test_a_copy_of_the_repository_that_a_kill_left_locked(cached: Callable[..., list[str]], tmp_path: Path) -> None:
    cached("one")
    (copy,) = (tmp_path / "cache/sources").glob("*.git")
    (copy / "refs/kept").rename(copy / "elsewhere")
    (copy / "shallow.lock").touch()
    shutil.rmtree(copy / "objects")
    said = cached("two", BUILD_KEY="another")
    assert "fetch: the cache's copy of the repository is broken: removing it, the next fetch creates it again" in said
    assert not copy.exists()
    cached("three", BUILD_KEY="a third")
    assert "fetch: the cache has the source of that commit" in cached("four", BUILD_KEY="a fourth")


def test_a_cache_that_cannot_be_written(run: Run, cached: Callable[..., list[str]], repository: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = {"CACHE_DIR": str(tmp_path / "file")}
    said = cached("one", **place)
    assert [line for line in said if "the cache cannot be written by user " in line]
    # A build for the cache fails, before it compiles.
    commit = git(repository, "rev-parse", "main")
    assert run("fetch.sh", commit, pod="two", **place)[0] == 0
    code, said = run("build.sh", commit, pod="two", CACHE_REQUIRED="1", **place)
    assert code == 1
    assert said[-1].startswith("build: the cache cannot be written by user ")


def test_the_cache_stays_below_its_limit(cached: Callable[..., list[str]], tmp_path: Path) -> None:
    cached("one")
    (own,) = (tmp_path / "cache/binaries").iterdir()
    for number in range(4):
        old = tmp_path / f"cache/binaries/old{number}"
        old.write_bytes(os.urandom(512 * 1024))
        os.utime(old, (number, number))
        (tmp_path / f"cache/records/old{number}").write_text(f"sha256=old{number}\n")
    said = cached("two", BUILD_KEY="another", CACHE_MIB="2")
    assert "build: the cache holds 2 MiB, its limit is 2 MiB: dropping the least recently used files" in said
    assert {path.name for path in (tmp_path / "cache/binaries").iterdir()} == {own.name, "old1", "old2", "old3"}
    assert {path.name for path in (tmp_path / "cache/records").glob("old*")} == {"old1", "old2", "old3"}


# A disk that is full while the cache holds so many of the old binaries.
DF = """#!/bin/sh
echo Filesystem 1024-blocks Used Available Capacity Mounted on
[ "$(ls "$CACHE_DIR/binaries" | grep -c old)" -ge "$FULL_WITH" ] && left=1000 || left=100000
echo tmpfs 1000000 1000 "$left" 100% /cache
"""


def test_a_disk_of_the_cache_that_is_full(run: Run, repository: Path, tmp_path: Path) -> None:
    commit, cache = git(repository, "rev-parse", "main"), tmp_path / "cache"
    (tmp_path / "stubs/df").write_text(DF)
    (tmp_path / "stubs/df").chmod(0o755)
    (cache / "binaries").mkdir(parents=True)
    for number in range(4):
        (cache / f"binaries/old{number}").write_bytes(os.urandom(512 * 1024))
    place = {"CACHE_DIR": str(cache), "CACHE_REQUIRED": "1"}
    assert run("fetch.sh", commit, **place, FULL_WITH="3")[0] == 0
    code, said = run("build.sh", commit, **place, FULL_WITH="3")
    assert (code, said[:2]) == (0, [
        "build: the disk of the cache is full: dropping half of the cache",
        "build: the cache holds 2 MiB, its limit is 1 MiB: dropping the least recently used files",
    ])  # fmt: skip
    assert len(list((cache / "binaries").glob("old*"))) == 1 and list((cache / "records").iterdir())

    # Something else fills it.
    other = {**place, "BUILD_KEY": "another", "FULL_WITH": "0"}
    said_last = (
        "build: the disk of the cache is full, the cache itself uses 0 MiB: raise zddc_server_build_cache_size if that makes "
        "the disk larger, or lower zddc_server_build_cache_limit, which is 100 MiB"
    )
    code, said = run("build.sh", commit, **other)
    assert (code, said[-1]) == (1, said_last)
    # A pod builds all the same.
    code, said = run("build.sh", commit, **{**other, "CACHE_REQUIRED": ""})
    assert code == 0 and said_last in said and "build:   build=another" in said


def test_two_pods_at_once(run: Run, repository: Path, tmp_path: Path) -> None:
    commit, place = git(repository, "rev-parse", "main"), {"CACHE_DIR": str(tmp_path / "cache")}
    for script in ("fetch.sh", "build.sh"):
        both = [run.start(script, commit, pod=pod, **place) for pod in ("one", "two", "three")]
        outs = [process.communicate(timeout=60)[0] for process in both]
        assert [process.returncode for process in both] == [0, 0, 0], outs
    assert not list((tmp_path / "cache/tmp").iterdir())
    assert run("fetch.sh", commit, pod="four", **place, **ALONE)[1][-1] == TAKEN


def test_a_git_that_was_killed_while_it_wrote_its_settings(run: Run, repository: Path, tmp_path: Path) -> None:
    home = tmp_path / "one/build/home"
    home.mkdir(parents=True)
    (home / ".gitconfig.lock").touch()
    assert run("fetch.sh", git(repository, "rev-parse", "main"), pod="one")[0] == 0


def test_a_kill_at_any_point(run: Run, cached: Callable[..., list[str]], repository: Path, tmp_path: Path) -> None:
    commit, place = git(repository, "rev-parse", "main"), {"CACHE_DIR": str(tmp_path / "cache")}
    for number in range(40):
        for script in ("fetch.sh", "build.sh"):
            process = run.start(script, commit, pod="one", BUILD_KEY=f"key {number}", **place)
            time.sleep(number * 0.003)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            # What was killed starts again.
            code, said = run(script, commit, pod="one", BUILD_KEY=f"key {number}", **place)
            assert code == 0, said
        assert (tmp_path / "one/bin/zddc-server").read_text() == "module two\n"
    for number in range(40):
        assert cached(f"pod {number}", BUILD_KEY=f"key {number}", **ALONE)[1] == TAKEN
