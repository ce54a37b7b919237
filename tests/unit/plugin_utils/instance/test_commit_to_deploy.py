# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which commit is deployed, and which is rejected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import Problem
from ansible_collections.varasys.zddc.plugins.module_utils.source.git_ref import Unreadable
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance import source
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.options import Options, read

REPO, REF = "https://git.example.org/zddc.git", "zddc-server-v0.0.7"
COMMIT, OTHER = "0123456789abcdef0123456789abcdef01234567", "1" * 40
AWAY = f"zddc_server_git_repo: {REPO} cannot be read: no route to host. Check the URL and the rights to read it."
SIGNED = {"signed_by": "ada@example.org, ED25519 key SHA256:x", "trusted": "4b1c"}
SIGNERS = {"trusted_signers": {"file": "/signers"}}
LAST = {"repo": REPO, "ref": REF, "commit": COMMIT, "signature": {"trusted": "4b1c"}}
NONE = f"{AWAY} No commit of this ref is deployed that could be kept; a full commit as zddc_server_git_ref needs no answer."


def options(**variables: Any) -> Options:
    """Give the options of an instance, with variables that differ, named without their prefix."""
    given = {"git_repo": REPO, "git_ref": REF} | variables
    found, problems = read({f"zddc_server_{name}": value for name, value in given.items()})
    assert problems == []
    return found


def never(*_unused: Any) -> Any:
    """Stand in for what must not be asked."""
    pytest.fail("this was not to be asked")


@pytest.fixture
def refs(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give the function that sets the kind of ref that the repository has; without a kind, it cannot be read."""

    def there(kind: str) -> None:
        def find(repo: str, ref: str, _timeout: int) -> dict[str, str]:
            if not kind:
                raise Unreadable(AWAY)
            return {"repo": repo, "ref": ref, "commit": COMMIT, "kind": kind}

        monkeypatch.setattr(source, "find", find)

    return there


@pytest.mark.parametrize(
    ("kind", "variables"),
    [
        ("tag", {}),
        ("tag", {"expected_commit": COMMIT}),
        ("commit", {"git_ref": COMMIT}),
        ("branch", {"allow_mutable_ref": True}),
        ("branch", {"mode": "dev"}),
    ],
)
def test_a_ref(refs: Callable[[str], None], kind: str, variables: dict[str, Any]) -> None:
    refs(kind)
    found = source.resolved(options(**variables), never, never)
    assert (found["commit"], found["kind"], found["said"]) == (COMMIT, kind, [])
    assert found["at"].startswith("20") and "signature" not in found


@pytest.mark.parametrize(
    ("kind", "variables", "message"),
    [
        ("tag", {"expected_commit": OTHER},
         f"zddc_server_git_ref: '{REF}' resolves to commit {COMMIT}, but zddc_server_expected_commit is {OTHER}. Nothing was "
         "changed. Find out which of the two is right: a tag that was moved leads to different source."),
        ("branch", {"git_ref": "main"},
         "zddc_server_git_ref is 'main': a branch, which moves. Name a release tag, or set zddc_server_allow_mutable_ref to "
         "true."),
        ("", {}, NONE),
    ],
)  # fmt: skip
def test_a_ref_that_is_rejected(refs: Callable[[str], None], kind: str, variables: dict[str, Any], message: str) -> None:
    refs(kind)
    # A signature is checked only of what may be deployed.
    with pytest.raises(Problem) as caught:
        source.resolved(options(**variables, **SIGNERS), dict, never)
    assert str(caught.value) == message


def test_a_signature(refs: Callable[[str], None]) -> None:
    refs("tag")
    asked: list[Mapping[str, Any]] = []

    def signature(what: Mapping[str, Any]) -> dict[str, str]:
        asked.append(what)
        return SIGNED

    found = source.resolved(options(**SIGNERS), never, signature)
    assert asked == [{"repo": REPO, "ref": REF, "commit": COMMIT, "kind": "tag", "noted": {}}]
    assert (found["signature"], found["said"]) == (SIGNED, [f"{REF}, commit {COMMIT}, is signed by {SIGNED['signed_by']}."])


def test_a_repository_that_cannot_be_read(refs: Callable[[str], None]) -> None:
    refs("")
    found = source.resolved(options(), lambda: LAST, never)
    assert (found["commit"], found["kind"]) == (COMMIT, "kept")
    assert found["said"] == [f"{AWAY} Continuing with commit {COMMIT}, which was deployed last; newer commits were not checked."]
    found = source.resolved(options(git_ref=COMMIT.upper()), never, never)
    assert (found["commit"], found["kind"]) == (COMMIT, "kept")
    assert found["said"] == [f"{AWAY} Continuing with commit {COMMIT}, which was given."]


@pytest.mark.parametrize("differs", [{"repo": "https://git.example.org/b"}, {"ref": "main"}])
def test_what_was_deployed_of_another_ref_is_not_kept(refs: Callable[[str], None], differs: dict[str, str]) -> None:
    refs("")
    with pytest.raises(Problem) as caught:
        source.resolved(options(), lambda: LAST | differs, never)
    assert str(caught.value) == NONE


def test_the_signature_of_what_is_kept(refs: Callable[[str], None]) -> None:
    refs("")
    asked: list[Mapping[str, Any]] = []
    found = source.resolved(options(**SIGNERS), lambda: LAST, lambda what: asked.append(what) or SIGNED)
    assert asked == [{"repo": REPO, "ref": REF, "commit": COMMIT, "kind": "kept", "noted": LAST["signature"]}]
    assert len(found["said"]) == 2


def test_a_given_commit() -> None:
    for expected in ("", COMMIT):
        found = source.given(options(expected_commit=expected), COMMIT)
        assert (found["commit"], found["at"], found["said"]) == (COMMIT, "", [])


@pytest.mark.parametrize(
    ("commit", "variables", "message"),
    [
        ("main", {}, "commit is 'main': give a full commit, 40 or 64 hexadecimal digits, or leave it out."),
        (COMMIT.upper(), {},
         f"commit is '{COMMIT.upper()}': give a full commit, 40 or 64 hexadecimal digits, or leave it out."),
        (COMMIT, {"expected_commit": OTHER},
         f"commit is {COMMIT}, but zddc_server_expected_commit is {OTHER}. Nothing was written. Leave commit out, or give the "
         "expected one."),
        (COMMIT, SIGNERS,
         f"commit is {COMMIT}, and zddc_server_trusted_signers is set, but the signature of a given commit is not checked. "
         "Nothing was written. Leave commit out, so that the ref is resolved and its signature checked."),
    ],
)  # fmt: skip
def test_a_given_commit_that_is_rejected(commit: str, variables: dict[str, Any], message: str) -> None:
    with pytest.raises(Problem) as caught:
        source.given(options(**variables), commit)
    assert str(caught.value) == message
