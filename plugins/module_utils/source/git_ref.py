# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Resolve a name in a Git repository to a commit. Nothing is cloned and nothing is changed."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import Problem

REPO = "zddc_server_git_repo"
REF = "zddc_server_git_ref"
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "repo": {"type": "str", "required": True},
    "ref": {"type": "str", "required": True},
    "timeout": {"type": "int", "default": 10},
}
COMMIT = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
USERINFO = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<user>[^/?#\s]*)@", re.IGNORECASE)
# Git ends most failures with these lines; the line before them gives the reason.
BOILERPLATE = (
    "fatal: Could not read from remote repository.",
    "Please make sure you have the correct access rights",
    "and the repository exists.",
)


class Refused(Problem):
    """What is wrong, as a message for the user."""


class Unreadable(Refused):
    """The repository cannot be read from here, temporarily or permanently."""


class OutOfTime(Exception):
    """The repository did not answer in time."""


def without_credentials(text: str) -> str:
    return USERINFO.sub(r"\g<scheme>://", text)


def credentials(repo: str) -> str:
    """Return what must not be shown of the URL: a user with a password, or any user over HTTP, which may be a token."""
    found = USERINFO.match(repo)
    if not found or (":" not in found["user"] and found["scheme"].lower() not in ("http", "https")):
        return ""
    return found["user"]


def check_repo(repo: str) -> None:
    if not repo.strip():
        raise Refused(f"{REPO} is empty. Set it to the URL of the repository.")
    if secret := credentials(repo):
        what = "a password" if ":" in secret else "a user name or a token"
        raise Refused(f"{REPO} contains {what}, and would be stored in the cluster unchanged. Remove it from the URL.")
    if repo.startswith("-") or re.search(r"[\s\x00-\x1f\x7f]", repo):
        raise Refused(f"{REPO} is not a URL: it starts with a dash, or contains a space or a control character. Correct it.")


def bad_ref(ref: str) -> str | None:
    """Return why Git would reject this as a name, by the rules of git check-ref-format."""
    if ref.startswith("-"):
        return "it starts with a dash"
    if re.search(r"[\x00-\x20\x7f]|\s", ref):
        return "it contains a space or a control character"
    if found := re.search(r"[~^:?*\[\\]", ref):
        return f"it contains the character {found[0]}"
    if ".." in ref or "@{" in ref or ref == "@":
        return "it contains .. or @{, or is @"
    if "" in ref.split("/"):
        return "it starts or ends with a slash, or contains two in a row"
    if ref.endswith(".") or any(part.startswith(".") or part.endswith(".lock") for part in ref.split("/")):
        return "it ends with a dot, or a part of it starts with a dot or ends with .lock"
    if ref == "HEAD" or ref.startswith("refs/"):
        return "it is HEAD, or a full name such as refs/heads/main"
    return None


def check_ref(ref: str) -> None:
    if not ref.strip():
        raise Refused(f"{REF} is empty. Set it to a tag, a branch or a full commit.")
    if why := bad_ref(ref):
        raise Refused(f"{REF} {ref!r} is not the name of a tag or a branch: {why}. Give the bare name, or a full commit.")


def git_environment(git: str) -> dict[str, str]:
    """Return an environment in which git does not prompt, and ignores a repository around the playbook."""
    env = {key: value for key, value in os.environ.items() if key not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")}
    ssh = env.get("GIT_SSH_COMMAND")
    if not ssh:
        command = [git, "config", "--global", "--get", "core.sshCommand"]
        ssh = subprocess.run(command, capture_output=True, text=True, env=env, check=False).stdout.strip() or "ssh"
    return env | {"GIT_SSH_COMMAND": f"{ssh} -o BatchMode=yes", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def ask(git: str, repo: str, deadline: float, *arguments: str, cwd: str = "/") -> tuple[int, str, str]:
    """Run a git command that contacts the repository. Return its exit code, output and errors."""
    # In their own session, git and its helpers are killed together and cannot prompt. From / no relative path leads anywhere.
    with subprocess.Popen(
        [git, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=git_environment(git),
        cwd=cwd,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise OutOfTime(repo) from None
    return process.returncode, out, err


def list_refs(git: str, repo: str, deadline: float) -> dict[str, str]:
    """Return the commit, or the tag object, of every tag and branch, by full name."""
    code, out, err = ask(git, repo, deadline, "ls-remote", "--heads", "--tags", "--", repo)
    if code:
        lines = [line.strip() for line in err.splitlines()]
        telling = [line for line in lines if line and line not in BOILERPLATE] or [f"git exited with {code}"]
        raise Unreadable(
            f"{REPO}: {repo} cannot be read: {without_credentials(telling[-1]).removeprefix('fatal: ').rstrip('.')}. "
            "Check the URL and the rights to read it."
        )
    return {name: commit for commit, name in (line.split("\t", 1) for line in out.splitlines() if "\t" in line)}


def make_repository(git: str, folder: str, commit: str) -> None:
    """Create an empty repository that can hold this commit."""
    kind = "sha1" if len(commit) == 40 else "sha256"
    init = [git, "init", "--quiet", "--bare", "--template=", f"--object-format={kind}", folder]
    subprocess.run(init, check=True, env=git_environment(git), capture_output=True)


def check_commit(git: str, repo: str, deadline: float, commit: str) -> None:
    """Reject a commit that the repository reports as missing. One that serves no commit by its hash cannot report it."""
    with tempfile.TemporaryDirectory() as folder:
        make_repository(git, folder, commit)
        fetch = ("fetch", "--quiet", "--depth=1", "--filter=tree:0", "--no-tags", "--", repo, commit)
        try:
            _code, _out, err = ask(git, repo, deadline, *fetch, cwd=folder)
        except OutOfTime:
            # The repository answers, but slowly: the pod has more time.
            return
    if f"not our ref {commit}" in err:
        raise Refused(
            f"{REF}: {repo} has no commit {commit}. Correct {REF}, or push a tag or a branch that leads to that commit."
        )


def resolve(repo: str, refs: dict[str, str], ref: str) -> tuple[str, str]:
    """Return the commit and the kind of the ref."""
    if COMMIT.fullmatch(ref):
        return ref.lower(), "commit"
    # An annotated tag is listed twice: as its own object, and with ^{} as the commit that it points to.
    tag = refs.get(f"refs/tags/{ref}^{{}}", refs.get(f"refs/tags/{ref}"))
    branch = refs.get(f"refs/heads/{ref}")
    if tag and branch:
        raise Refused(
            f"{REF} {ref!r} is both a tag ({tag}) and a branch ({branch}) in {repo}. "
            "Give the full commit that is meant, or rename one of them."
        )
    if tag:
        return tag, "tag"
    if branch:
        return branch, "branch"
    names = {name.split("/", 2)[2].removesuffix("^{}") for name in refs}
    close = difflib.get_close_matches(ref, sorted(names), n=3, cutoff=0.5)
    hint = f" Similar names: {', '.join(close)}." if close else ""
    full = " A commit must be given in full." if re.fullmatch(r"[0-9a-f]{7,}", ref) else ""
    raise Refused(f"{REF}: {repo} has neither a tag nor a branch {ref!r}.{hint}{full} Correct {REF}, or push it there.")


def find(repo: str, ref: str, timeout: int) -> dict[str, str]:
    """Return repository, ref, commit and kind; raise Refused with a message for the user."""
    check_repo(repo)
    check_ref(ref)
    if timeout < 1:
        raise Refused("timeout must be at least 1 second. Set it to 10, for example.")
    git = shutil.which("git")
    if not git:
        raise Refused(f"There is no git on this host, and {REF} cannot be resolved without it. Install the package git here.")
    deadline = time.monotonic() + timeout
    try:
        refs = list_refs(git, repo, deadline)
    except OutOfTime:
        raise Unreadable(
            f"{REPO}: {repo} did not answer within {timeout} s. Check the URL and the network from this host to it."
        ) from None
    commit, kind = resolve(repo, refs, ref)
    if commit not in refs.values():
        check_commit(git, repo, deadline, commit)
    return {"repo": repo, "ref": ref, "commit": commit, "kind": kind}
