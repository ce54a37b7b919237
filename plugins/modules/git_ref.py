#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: git_ref
short_description: Resolves a tag, a branch or a commit of a Git repository to a full commit
version_added: 0.1.0
author: varasys.zddc contributors
description:
  - Asks the repository with C(git ls-remote) what a name stands for; nothing is cloned and nothing is changed.
  - A commit that no tag and no branch points to is asked for with C(git fetch), without its files.
  - Made for the role C(zddc_server), so its messages name C(zddc_server_git_repo) and C(zddc_server_git_ref).
  - It never asks for a user or a password. What Git is set up with (SSH keys, credential helpers) is used.
requirements:
  - git, on the host that the module runs on
options:
  repo:
    description:
      - URL of the repository, or the absolute path of one on this host.
      - A URL that carries a password or a token is refused.
    type: str
    required: true
  ref:
    description:
      - Name of a tag or a branch, or a commit in full (40 or 64 hexadecimal digits).
      - C(HEAD) and names in full such as C(refs/heads/main) are refused, so that one thing has one name.
    type: str
    required: true
  timeout:
    description: Seconds that the repository has to answer in, all questions together.
    type: int
    default: 10
attributes:
  check_mode:
    support: full
    description: It changes nothing, so it does the same in check mode.
"""

EXAMPLES = r"""
- name: Find the commit of a release
  varasys.zddc.git_ref:
    repo: https://codeberg.org/VARASYS/ZDDC
    ref: zddc-server-v0.0.7
  register: source

- name: Show it
  ansible.builtin.debug:
    msg: "{{ source.ref }} is a {{ source.kind }}, commit {{ source.commit }}"
"""

RETURN = r"""
repo:
  description: The repository that was asked.
  type: str
  returned: always
  sample: https://codeberg.org/VARASYS/ZDDC
ref:
  description: The name that was asked for.
  type: str
  returned: always
  sample: zddc-server-v0.0.7
commit:
  description: The full commit, in lower case. An annotated tag gives the commit that it points to.
  type: str
  returned: success
  sample: 0123456789abcdef0123456789abcdef01234567
kind:
  description:
    - What the name is, C(tag), C(branch) or C(commit).
    - A repository that gives no commit by its hash cannot be asked for one. Then whether it has the commit shows when
      that is fetched.
  type: str
  returned: success
  sample: tag
"""

import difflib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule

REPO = "zddc_server_git_repo"
REF = "zddc_server_git_ref"
COMMIT = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
USERINFO = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<user>[^/?#\s]*)@", re.IGNORECASE)
# Git ends most failures with these lines; the line before them says why.
BOILERPLATE = (
    "fatal: Could not read from remote repository.",
    "Please make sure you have the correct access rights",
    "and the repository exists.",
)


class Refused(Exception):
    """What is wrong, in words for the user."""


class OutOfTime(Exception):
    """The repository did not answer in time."""


def without_credentials(text: str) -> str:
    return USERINFO.sub(r"\g<scheme>://", text)


def credentials(repo: str) -> str:
    """What of the URL must not be shown: a password, or any user over HTTP, where it may be a token."""
    found = USERINFO.match(repo)
    if not found or (":" not in found["user"] and found["scheme"].lower() not in ("http", "https")):
        return ""
    return found["user"]


def check_repo(repo: str) -> None:
    if not repo.strip():
        raise Refused(f"{REPO} is empty. Set it to the URL of the repository.")
    if secret := credentials(repo):
        what = "a password" if ":" in secret else "a user name or a token"
        raise Refused(
            f"{REPO} carries {what} in its URL, and would be stored in the cluster as it is. Take it out of the URL."
        )
    if repo.startswith("-") or re.search(r"[\s\x00-\x1f\x7f]", repo):
        raise Refused(f"{REPO} is no URL: it starts with a dash, or holds a space or a control character. Correct it.")


def bad_ref(ref: str) -> str | None:
    """Why Git would not take this as a name; the rules of git check-ref-format."""
    if ref.startswith("-"):
        return "it starts with a dash"
    if re.search(r"[\x00-\x20\x7f]|\s", ref):
        return "it holds a space or a control character"
    if found := re.search(r"[~^:?*\[\\]", ref):
        return f"it holds the character {found[0]}"
    if ".." in ref or "@{" in ref or ref == "@":
        return "it holds .. or @{, or is @"
    if "" in ref.split("/"):
        return "it starts or ends with a slash, or holds two in a row"
    if ref.endswith(".") or any(part.startswith(".") or part.endswith(".lock") for part in ref.split("/")):
        return "it ends with a dot, or a part of it starts with a dot or ends with .lock"
    if ref == "HEAD" or ref.startswith("refs/"):
        return "it is HEAD, or a name in full such as refs/heads/main"
    return None


def check_ref(ref: str) -> None:
    if not ref.strip():
        raise Refused(f"{REF} is empty. Set it to a tag, a branch or a full commit.")
    if why := bad_ref(ref):
        raise Refused(
            f"{REF} {ref!r} is not the name of a tag or a branch: {why}. Give the bare name, or a full commit."
        )


def git_environment(git: str) -> dict[str, str]:
    """Nothing may wait for a person, and no repository around the playbook may have a say."""
    env = {key: value for key, value in os.environ.items() if key not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")}
    ssh = env.get("GIT_SSH_COMMAND")
    if not ssh:
        configured = subprocess.run(
            [git, "config", "--global", "--get", "core.sshCommand"],
            capture_output=True,
            text=True,
            env=env,
            check=False,
        )
        ssh = configured.stdout.strip() or "ssh"
    return env | {"GIT_SSH_COMMAND": f"{ssh} -o BatchMode=yes", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def ask(git: str, repo: str, deadline: float, *arguments: str, cwd: str = "/") -> tuple[int, str, str]:
    """Exit code, output and errors of a git command that asks the repository."""
    # A session of its own: helpers die with git, and none of them has a terminal to ask at. From / no name is relative.
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
    """The commit, or the tag object, of every tag and branch, by full name."""
    code, out, err = ask(git, repo, deadline, "ls-remote", "--heads", "--tags", "--", repo)
    if code:
        lines = [line.strip() for line in err.splitlines()]
        telling = [line for line in lines if line and line not in BOILERPLATE] or [f"git ended with {code}"]
        raise Refused(
            f"{REPO}: {repo} cannot be read: {without_credentials(telling[-1]).removeprefix('fatal: ')}. "
            "Check the URL and the rights to read it."
        )
    return {name: commit for commit, name in (line.split("\t", 1) for line in out.splitlines() if "\t" in line)}


def check_commit(git: str, repo: str, deadline: float, commit: str) -> None:
    """Refuses a commit that the repository says it does not have. One that gives no commit by its hash cannot say so."""
    with tempfile.TemporaryDirectory() as folder:
        kind = "sha1" if len(commit) == 40 else "sha256"
        init = [git, "init", "--quiet", "--bare", f"--object-format={kind}", folder]
        subprocess.run(init, check=True, env=git_environment(git))
        fetch = ("fetch", "--quiet", "--depth=1", "--filter=tree:0", "--no-tags", "--", repo, commit)
        try:
            _code, _out, err = ask(git, repo, deadline, *fetch, cwd=folder)
        except OutOfTime:
            # It has sent something: the pod has more time for the rest.
            return
    if f"not our ref {commit}" in err:
        raise Refused(
            f"{REF}: {repo} has no commit {commit}. Correct {REF}, or push a tag or a branch that leads to that commit."
        )


def resolve(repo: str, refs: dict[str, str], ref: str) -> tuple[str, str]:
    """Commit and kind of the ref."""
    if COMMIT.fullmatch(ref):
        return ref.lower(), "commit"
    # An annotated tag is listed twice: as an object of its own, and with ^{} as the commit that it points to.
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
    hint = f" Close to it: {', '.join(close)}." if close else ""
    full = " A commit must be given in full." if re.fullmatch(r"[0-9a-f]{7,}", ref) else ""
    raise Refused(f"{REF}: {repo} has neither a tag nor a branch {ref!r}.{hint}{full} Correct {REF}, or push it there.")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "repo": {"type": "str", "required": True},
            "ref": {"type": "str", "required": True},
            "timeout": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    repo, ref, timeout = module.params["repo"], module.params["ref"], module.params["timeout"]
    try:
        check_repo(repo)
        check_ref(ref)
        if timeout < 1:
            raise Refused("timeout must be at least 1 second. Set it to 10, for example.")
        git = shutil.which("git")
        if not git:
            raise Refused(f"There is no git on this host, and {REF} is resolved with it. Install the package git here.")
        deadline = time.monotonic() + timeout
        try:
            refs = list_refs(git, repo, deadline)
        except OutOfTime:
            raise Refused(
                f"{REPO}: {repo} did not answer within {timeout} s. "
                "Check the URL and the network from this host to it."
            ) from None
        commit, kind = resolve(repo, refs, ref)
        if commit not in refs.values():
            check_commit(git, repo, deadline, commit)
    except Refused as refused:
        if credentials(repo):
            # The result repeats the options of the call.
            repo = module.params["repo"] = without_credentials(repo)
        module.fail_json(msg=str(refused), repo=repo, ref=ref)
    module.exit_json(changed=False, repo=repo, ref=ref, commit=commit, kind=kind)


if __name__ == "__main__":
    main()
