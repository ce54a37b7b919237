# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The commit to deploy: the one that the ref points to, the one deployed last, or a given one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import Problem
from ansible_collections.varasys.zddc.plugins.module_utils.names import PREFIX
from ansible_collections.varasys.zddc.plugins.module_utils.source.git_ref import COMMIT, Unreadable, find
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.options import Options

EXPECTED = f"{PREFIX}expected_commit"
SIGNERS = f"{PREFIX}trusted_signers"
Found = dict[str, Any]
History = Callable[[], Mapping[str, Any]]
"""Returns the newest record of the instance, if there is one and it can be read."""
Signature = Callable[[Mapping[str, Any]], dict[str, str]]
"""Returns who signed a commit, or raises a Problem. Takes repo, ref, commit, kind and what is recorded about it."""


def given(options: Options, commit: str) -> Found:
    """Return a commit that the user has given, which needs no repository."""
    if not COMMIT.fullmatch(commit) or commit != commit.lower():
        raise Problem(f"commit is '{commit}': give a full commit, 40 or 64 hexadecimal digits, or leave it out.")
    if options.trusted_signers:
        raise Problem(
            f"commit is {commit}, and {SIGNERS} is set, but the signature of a given commit is not checked. Nothing was written. "
            "Leave commit out, so that the ref is resolved and its signature checked."
        )
    if options.expected_commit not in ("", commit):
        raise Problem(
            f"commit is {commit}, but {EXPECTED} is {options.expected_commit}. Nothing was written. Leave commit out, or give "
            "the expected one."
        )
    return {"kind": "commit", "commit": commit, "at": "", "said": []}


def resolved(options: Options, history: History, signature: Signature) -> Found:
    """Return the commit of the ref, if the variables allow it."""
    repo, ref, said = options.git_repo, options.git_ref, []
    try:
        found: Found = find(repo, ref, options.git_timeout)
    except Unreadable as problem:
        found = kept(options, history, problem)
        how = "was given" if COMMIT.fullmatch(ref) else "was deployed last; newer commits were not checked"
        said.append(f"{problem} Continuing with commit {found['commit']}, which {how}.")
    allowed(options, found)
    if options.trusted_signers:
        found["signature"] = signature({"repo": repo, "ref": ref, "noted": {}, **found})
        said.append(f"{ref}, commit {found['commit']}, is signed by {found['signature']['signed_by']}.")
    return {**found, "at": str(datetime.now(UTC).replace(tzinfo=None)), "said": said}


def kept(options: Options, history: History, problem: Unreadable) -> Found:
    """Return the commit to use while the repository cannot be read. A full commit needs no answer."""
    if COMMIT.fullmatch(options.git_ref):
        return {"kind": "kept", "commit": options.git_ref.lower()}
    last = history()
    if (last.get("repo"), last.get("ref")) != (options.git_repo, options.git_ref):
        raise Problem(
            f"{problem} No commit of this ref is deployed that could be kept; a full commit as {PREFIX}git_ref needs no answer."
        )
    return {"kind": "kept", "commit": last["commit"], "noted": last["signature"]}


def allowed(options: Options, found: Found) -> None:
    """Reject a commit that the variables rule out."""
    if options.expected_commit not in ("", found["commit"]):
        raise Problem(
            f"{PREFIX}git_ref: '{options.git_ref}' resolves to commit {found['commit']}, but {EXPECTED} is "
            f"{options.expected_commit}. Nothing was changed. Find out which of the two is right: a tag that was moved leads to "
            "different source."
        )
    if found["kind"] == "branch" and not options.allow_mutable_ref:
        raise Problem(
            f"{PREFIX}git_ref is '{options.git_ref}': a branch, which moves. Name a release tag, or set "
            f"{PREFIX}allow_mutable_ref to true."
        )
