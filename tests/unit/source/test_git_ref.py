# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""git_ref against real repositories: in a folder, and behind git daemon on the loopback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.action.git_ref_info import ActionModule
from ansible_collections.varasys.zddc.plugins.module_utils.source import git_ref

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def resolve() -> Run:
    """Run the action plugin as a task would."""

    def call(check_mode: bool = False, **options: Any) -> dict[str, Any]:
        task = SimpleNamespace(args=options, async_val=0, check_mode=check_mode, action="varasys.zddc.git_ref_info")
        connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=""))
        return ActionModule(task, connection, None, None, None, None).run(None, {})

    return call


def git(folder: Path, *args: str) -> str:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    for role in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{role}_NAME": "t", f"GIT_{role}_EMAIL": "t@example.org"}
    return subprocess.run(["git", *args], cwd=folder, env=env, check=True, capture_output=True, text=True).stdout.strip()


def make(folder: Path, *init: str) -> Path:
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main", *init)
    git(folder, "commit", "-q", "--allow-empty", "-m", "one")
    git(folder, "tag", "v1.0.0")
    git(folder, "commit", "-q", "--allow-empty", "-m", "two")
    git(folder, "tag", "-a", "v1.1.0", "-m", "annotated")
    git(folder, "tag", "-a", "v1.1.0-again", "-m", "a tag of a tag", "v1.1.0")
    git(folder, "commit", "-q", "--allow-empty", "-m", "three")
    git(folder, "branch", "feature/x")
    git(folder, "branch", "ambiguous", "v1.0.0")
    git(folder, "tag", "ambiguous")
    return folder


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("git") / "repo.git")


@pytest.fixture(scope="module")
def daemon(repo: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [
        "git",
        "daemon",
        "--export-all",
        "--listen=127.0.0.1",
        f"--port={port}",
        f"--base-path={repo.parent}",
        "--reuseaddr",
    ]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    for _try in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield f"git://127.0.0.1:{port}/repo.git"
    os.killpg(process.pid, signal.SIGTERM)
    process.wait()


@pytest.mark.parametrize(
    ("ref", "revision", "kind"),
    [
        ("v1.0.0", "v1.0.0", "tag"),
        ("v1.1.0", "v1.1.0^{commit}", "tag"),
        ("v1.1.0-again", "v1.1.0^{commit}", "tag"),
        ("main", "refs/heads/main", "branch"),
        ("feature/x", "refs/heads/feature/x", "branch"),
    ],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_resolves(resolve: Run, repo: Path, ref: str, revision: str, kind: str, check_mode: bool) -> None:
    result = resolve(check_mode, repo=str(repo), ref=ref)
    wanted = {"repo": str(repo), "ref": ref, "commit": git(repo, "rev-parse", revision), "kind": kind, "changed": False}
    assert wanted.items() <= result.items()


def test_resolves_over_the_network(resolve: Run, daemon: str, repo: Path) -> None:
    assert resolve(repo=daemon, ref="v1.1.0")["commit"] == git(repo, "rev-parse", "v1.1.0^{commit}")


@pytest.mark.parametrize("revision", ["v1.0.0", "v1.1.0^{commit}", "v1.1.0~1", "main"])
def test_a_full_commit(resolve: Run, daemon: str, repo: Path, revision: str) -> None:
    commit = git(repo, "rev-parse", revision)
    result = resolve(repo=daemon, ref=commit.upper())
    assert (result["commit"], result["kind"]) == (commit, "commit")


def test_a_full_commit_that_no_name_leads_to(resolve: Run, daemon: str, repo: Path) -> None:
    commit = git(repo, "commit-tree", "-m", "alone", "main^{tree}")
    result = resolve(repo=daemon, ref=commit)
    assert (result["commit"], result["kind"]) == (commit, "commit")


@pytest.mark.parametrize("where", ["daemon", "folder"])
def test_a_full_commit_that_is_not_there(resolve: Run, daemon: str, repo: Path, where: str) -> None:
    url, commit = {"daemon": daemon, "folder": str(repo)}[where], "abcdef0123" * 4
    assert resolve(repo=url, ref=commit)["msg"] == (
        f"zddc_server_git_ref: {url} has no commit {commit}. "
        "Correct zddc_server_git_ref, or push a tag or a branch that leads to that commit."
    )


def test_a_full_commit_where_none_can_be_asked_for(
    resolve: Run, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    (tmp_path / "config").write_text("[protocol]\nversion = 0\n", encoding="utf-8")
    assert resolve(repo=str(repo), ref="abcdef0123" * 4)["commit"] == "abcdef0123" * 4


def test_a_full_commit_that_takes_too_long(resolve: Run, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh = tmp_path / "ssh"
    # It lists the names, and hangs when it is asked once more.
    ssh.write_text(f"#!/bin/sh\n[ -e {tmp_path}/asked ] && exec sleep 60\n: > {tmp_path}/asked\ngit-upload-pack {repo}\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    assert resolve(repo="git@host.invalid:x", ref="abcdef0123" * 4, timeout=2)["kind"] == "commit"
    assert (tmp_path / "asked").exists()


def test_a_full_commit_needs_a_repository_that_answers(resolve: Run, tmp_path: Path) -> None:
    assert "cannot be read" in resolve(repo=str(tmp_path / "none"), ref="a" * 40)["msg"]


def test_sha256_repositories(resolve: Run, tmp_path: Path) -> None:
    repo = make(tmp_path / "sha256", "--object-format=sha256")
    commit = resolve(repo=str(repo), ref="v1.1.0")["commit"]
    assert commit == git(repo, "rev-parse", "v1.1.0^{commit}") and len(commit) == 64
    assert resolve(repo=str(repo), ref=commit)["kind"] == "commit"


def test_no_repository_around_the_playbook_has_a_say(resolve: Run, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(repo, "config", "remote.origin.url", str(repo))
    monkeypatch.chdir(repo)
    monkeypatch.setenv("GIT_DIR", str(repo / ".git"))
    assert "origin cannot be read" in resolve(repo="origin", ref="main")["msg"]


def test_both_tag_and_branch(resolve: Run, repo: Path) -> None:
    tag, branch = git(repo, "rev-parse", "refs/tags/ambiguous"), git(repo, "rev-parse", "refs/heads/ambiguous")
    assert resolve(repo=str(repo), ref="ambiguous")["msg"] == (
        f"zddc_server_git_ref 'ambiguous' is both a tag ({tag}) and a branch ({branch}) in {repo}. "
        "Give the full commit that is meant, or rename one of them."
    )


def test_a_ref_that_is_not_there(resolve: Run, repo: Path) -> None:
    assert resolve(repo=str(repo), ref="v1.1.1")["msg"] == (
        f"zddc_server_git_ref: {repo} has neither a tag nor a branch 'v1.1.1'. "
        "Similar names: v1.1.0, v1.0.0, v1.1.0-again. Correct zddc_server_git_ref, or push it there."
    )
    assert "Similar names" not in resolve(repo=str(repo), ref="quite-another")["msg"]
    assert "A commit must be given in full." in resolve(repo=str(repo), ref="abcdef0")["msg"]


def test_a_repository_that_cannot_be_read(resolve: Run, daemon: str, tmp_path: Path) -> None:
    assert resolve(repo=str(tmp_path / "none"), ref="main")["msg"] == (
        f"zddc_server_git_repo: {tmp_path}/none cannot be read: '{tmp_path}/none' "
        "does not appear to be a git repository. Check the URL and the rights to read it."
    )
    other = daemon.replace("repo.git", "other.git")
    assert (
        f"{other} cannot be read: remote error: access denied or repository not exported" in resolve(repo=other, ref="x")["msg"]
    )


def test_a_repository_that_refuses(resolve: Run, closed: int) -> None:
    assert "Connection refused" in resolve(repo=f"git://127.0.0.1:{closed}/x", ref="main")["msg"]


def test_what_is_said_of_the_repository_and_what_of_the_ref(
    resolve: Run, repo: Path, closed: int, silent: int, tmp_path: Path
) -> None:
    for unreadable in (f"git://127.0.0.1:{closed}/x", f"git://127.0.0.1:{silent}/x", str(tmp_path / "none")):
        assert resolve(repo=unreadable, ref="main", timeout=1)["unreadable"] is True
    for ref in ("v9", "ambiguous", "-x"):
        assert resolve(repo=str(repo), ref=ref)["unreadable"] is False
    assert resolve(repo="https://me:secret@git.example.org/x", ref="main")["unreadable"] is False


def test_a_repository_that_does_not_answer(resolve: Run, silent: int) -> None:
    began = time.monotonic()
    result = resolve(repo=f"git://127.0.0.1:{silent}/x", ref="main", timeout=1)
    assert result["msg"] == (
        f"zddc_server_git_repo: git://127.0.0.1:{silent}/x did not answer within 1 s. "
        "Check the URL and the network from this host to it."
    )
    assert time.monotonic() - began < 20


def runs(status: Path) -> bool:
    """Whether a process is there, and not only until somebody takes notice of its end."""
    try:
        return status.read_text(encoding="utf-8").split()[2] != "Z"
    except OSError:
        return False


def test_the_time_out_ends_helpers_too(resolve: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\necho "$$" >"$SSH_PID"\nprintf "%s\\n" "$@" >"$SSH_ARGS"\nexec sleep 60\n', encoding="utf-8")
    ssh.chmod(0o755)
    monkeypatch.setenv("SSH_PID", str(tmp_path / "pid"))
    monkeypatch.setenv("SSH_ARGS", str(tmp_path / "args"))
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    assert "did not answer within 3 s" in resolve(repo="git@host.invalid:x", ref="main", timeout=3)["msg"]
    assert "BatchMode=yes" in (tmp_path / "args").read_text(encoding="utf-8")
    status = Path(f"/proc/{(tmp_path / 'pid').read_text(encoding='utf-8').strip()}/stat")
    end = time.monotonic() + 10
    while runs(status):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_no_git(resolve: Run, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert resolve(repo=str(repo), ref="main")["msg"] == (
        "There is no git on this host, and zddc_server_git_ref cannot be resolved without it. Install the package git here."
    )


@pytest.mark.parametrize(
    ("repo", "what"),
    [
        ("https://me:s3cr3t@host.invalid/x", "a password"),
        ("ssh://me:s3cr3t@host.invalid/x", "a password"),
        ("https://s3cr3t@host.invalid/x", "a user name or a token"),
        ("HTTPS://s3@cr3t:s3cr3t@host.invalid/x", "a password"),
    ],
)
def test_credentials_are_refused_and_not_shown(resolve: Run, repo: str, what: str) -> None:
    result = resolve(repo=repo, ref="main")
    assert result["msg"] == (
        f"zddc_server_git_repo contains {what}, and would be stored in the cluster unchanged. Remove it from the URL."
    )
    assert "cr3t" not in json.dumps(result)


def test_a_user_over_ssh_is_no_secret(resolve: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_SSH_COMMAND", "false")
    assert "ssh://git@host.invalid/x cannot be read" in resolve(repo="ssh://git@host.invalid/x", ref="main")["msg"]


def test_what_git_says_shows_no_credentials(resolve: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\necho 'proxy: no way to https://me:s3cr3t@proxy.invalid/' >&2\nexit 1\n", encoding="utf-8")
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    result = resolve(repo="git@host.invalid:x", ref="main")
    assert "cannot be read: proxy: no way to https://proxy.invalid/. Check" in result["msg"]


@pytest.mark.parametrize("repo", ["", "  "])
def test_an_empty_repository(resolve: Run, repo: str) -> None:
    assert resolve(repo=repo, ref="main")["msg"] == "zddc_server_git_repo is empty. Set it to the URL of the repository."


@pytest.mark.parametrize("repo", ["--upload-pack=touch /tmp/x", "https://host.invalid/a b", "a\nb"])
def test_a_repository_that_is_no_url(resolve: Run, repo: str) -> None:
    assert "zddc_server_git_repo is not a URL" in resolve(repo=repo, ref="main")["msg"]


@pytest.mark.parametrize("ref", ["", "  "])
def test_an_empty_ref(resolve: Run, repo: Path, ref: str) -> None:
    assert resolve(repo=str(repo), ref=ref)["msg"] == (
        "zddc_server_git_ref is empty. Set it to a tag, a branch or a full commit."
    )


BAD = [
    "-x",
    "a b",
    "a\tb",
    "a\nb",
    "a\x7f",
    "a~",
    "a^{}",
    "a:b",
    "a?",
    "a*",
    "a[",
    "a\\b",
    "a..b",
    "a@{b",
    "@",
    "/a",
    "a/",
    "a//b",
]
BAD += ["a.", ".a", "a/.b", "a.lock", "a.lock/b"]


@pytest.mark.parametrize("ref", [*BAD, "HEAD", "refs/heads/main"])
def test_a_ref_that_is_no_name(resolve: Run, repo: Path, ref: str) -> None:
    message = resolve(repo=str(repo), ref=ref)["msg"]
    assert message.startswith(f"zddc_server_git_ref {ref!r} is not the name of a tag or a branch: ")


@pytest.mark.parametrize("ref", [*BAD, "main", "v1.0", "a/b", "a@b", "a{b", "ä", "a.b", "@a", "a-", "lock", "a.lockx"])
def test_the_rules_are_those_of_git(ref: str) -> None:
    if ref in ("@", "-x"):
        # Git takes these in a full name, which is what it is asked about here.
        assert git_ref.bad_ref(ref)
        return
    known = subprocess.run(["git", "check-ref-format", f"refs/heads/{ref}"], check=False).returncode == 0
    assert (git_ref.bad_ref(ref) is None) == known


def test_a_time_out_that_is_none(resolve: Run, repo: Path) -> None:
    assert "timeout must be at least 1 second" in resolve(repo=str(repo), ref="main", timeout=0)["msg"]
