# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""signature against a real repository, signed by real keys of SSH and OpenPGP."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from signing import Keys, signing

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError
from ansible_collections.varasys.zddc.plugins.module_utils.running import outcome
from ansible_collections.varasys.zddc.plugins.module_utils.source import signature
from ansible_collections.varasys.zddc.plugins.plugin_utils.in_process import Caller

Check = Callable[..., dict[str, Any]]
P = "zddc_server_trusted_signers: "
STRANGER = "Find out who signed it, and trust that key only if its owner may release what runs here."
ANEW = "Have it signed again."


@pytest.fixture(scope="module", name="keys")
def keys_fixture() -> Iterator[Keys]:
    """Make the keys and the repository."""
    with signing() as keys:
        lay_out(keys)
        yield keys


def lay_out(keys: Keys) -> None:
    """Make a repository whose tags say how they are signed."""
    keys.run("git", "init", "-q", "-b", "main", str(keys.repo))
    keys.git("commit", "-q", "--allow-empty", "-m", "not signed")
    keys.git("branch", "unsigned")
    keys.git("tag", "light")
    keys.git("tag", "-a", "-m", "-----BEGIN SSH SIGNATURE-----, says the message", "unsigned")
    keys.git("tag", "-s", "-m", "signed", "signed", ssh="ada")
    keys.git("tag", "-s", "-m", "a tag of a tag", "again", "signed", ssh="ada")
    keys.git("tag", "-s", "-m", "by somebody else", "strange", ssh="eve")
    keys.git("update-ref", "refs/tags/renamed", "signed")
    keys.forge("signed")
    keys.git("commit", "-q", "-S", "--allow-empty", "-m", "signed", ssh="ada")


@pytest.fixture(scope="module", name="openpgp")
def openpgp_fixture(keys: Keys) -> dict[str, str]:
    """Make OpenPGP keys, and give their fingerprints."""
    if not shutil.which("gpg"):
        pytest.skip("there is no gpg on this machine, which OpenPGP's signatures need")
    made = {name: keys.make_openpgp(f"{name} <{name}@example.org>") for name in ("gin", "joe")}
    keys.git("tag", "-s", "-m", "by OpenPGP", "openpgp", openpgp=made["gin"])
    keys.git("tag", "-s", "-m", "by another", "openpgp-strange", openpgp=made["joe"])
    keys.forge("openpgp")
    return made


@pytest.fixture(name="check")
def check_fixture(keys: Keys, tmp_path: Path) -> Check:
    """Check a ref against signers, as the module does."""

    def check(ref: str, signers: str | bytes, kind: str = "tag", **more: Any) -> dict[str, Any]:
        (tmp_path / "signers").write_bytes(signers if isinstance(signers, bytes) else signers.encode())
        revision = f"refs/tags/{ref}^{{commit}}" if kind == "tag" else ref
        options = {
            "repo": f"file://{keys.repo}", "ref": ref, "kind": kind, "timeout": 20, "file": str(tmp_path / "signers"),
            "config_map": None, "key": "allowed_signers", "namespace": None, "noted": {},
            "commit": keys.git("rev-parse", revision), **more,
        }  # fmt: skip
        return outcome(signature.checked, Caller(options, False, False, set()))

    return check


def test_a_signed_tag(check: Check, keys: Keys) -> None:
    allowed = keys.allowed("ada")
    found = check("signed", f"# who may\n\n{allowed}")
    assert found["signed_by"] == f"ada@example.org, {keys.fingerprint('ada')}"
    assert check("again", allowed)["signed_by"] == found["signed_by"]
    # The same signers, however they are written down.
    assert check("signed", keys.allowed("eve", "ada"))["trusted"] == check("signed", keys.allowed("ada", "eve"))["trusted"]
    assert check("signed", keys.allowed("eve", "ada"))["trusted"] != found["trusted"] == check("signed", allowed)["trusted"]


@pytest.mark.parametrize("kind", ["branch", "commit"])
def test_a_signed_commit(check: Check, keys: Keys, kind: str) -> None:
    ref = "main" if kind == "branch" else keys.git("rev-parse", "main")
    assert check(ref, keys.allowed("ada"), kind)["signed_by"] == f"ada@example.org, {keys.fingerprint('ada')}"


def test_a_commit_that_is_not_given_by_its_hash(check: Check, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.git("branch", "older", keys.git("commit-tree", "-S", "-p", "main", "-m", "older", "main^{tree}", ssh="ada"))
    commit = keys.git("rev-parse", "older")
    keys.git("branch", "-f", "older", keys.git("commit-tree", "-p", "older", "-m", "newer", "main^{tree}"))
    # With this protocol a server gives no commit by its hash, but for the ends of branches and tags.
    for key, value in {"COUNT": "1", "KEY_0": "protocol.version", "VALUE_0": "0"}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{key}", value)
    assert "signed_by" in check(commit, keys.allowed("ada"), "commit")


def test_what_is_not_signed(check: Check, keys: Keys) -> None:
    allowed, repo, first = keys.allowed("ada"), f"file://{keys.repo}", keys.git("rev-parse", "unsigned~0")
    assert check("light", allowed)["msg"] == (
        f"{P}the tag 'light' of {repo} is a lightweight tag, which cannot be signed. Nothing was changed. "
        "Have it created with git tag --sign, or name another."
    )
    assert check("unsigned", allowed)["msg"] == (
        f"{P}the tag 'unsigned' of {repo} is not signed. Nothing was changed. Have it signed (git tag --sign), "
        "or name one that is signed."
    )
    assert check("unsigned", allowed, "branch", commit=first)["msg"] == (
        f"{P}commit {first} (unsigned) of {repo} is not signed. Nothing was changed. Have it signed (git commit --gpg-sign), "
        "or name one that is signed."
    )


def test_what_somebody_else_has_signed(check: Check, keys: Keys) -> None:
    eve, repo = keys.fingerprint("eve"), f"file://{keys.repo}"
    assert check("strange", keys.allowed("ada"))["msg"] == (
        f"{P}the tag 'strange' of {repo} is signed with {eve}, which belongs to none of these signers. Nothing was "
        f"changed. {STRANGER}"
    )
    over = keys.allowed("ada", "eve", eve='valid-before="20200101"')
    assert check("strange", over)["msg"].startswith(
        f"{P}the tag 'strange' of {repo} is signed with {eve}, which none of these signers may use: key has expired: verify time "
    )
    elsewhere = keys.allowed("eve", eve='namespaces="file"')
    assert check("strange", elsewhere)["msg"].partition(" invalid signature: ")[2] == (
        f'key is not permitted for use in signature namespace "git". Nothing was changed. {ANEW}'
    )


def test_what_is_not_what_was_signed(check: Check, keys: Keys) -> None:
    repo = f"file://{keys.repo}"
    assert check("renamed", keys.allowed("ada"))["msg"] == (
        f"{P}the tag 'renamed' of {repo} was created as 'signed'. Nothing was changed. Find out who renamed it."
    )
    assert check("signed-forged", keys.allowed("ada"))["msg"] == (
        f"{P}the tag 'signed-forged' of {repo} has an invalid signature: Signature verification failed: incorrect "
        f"signature. Nothing was changed. {ANEW}"
    )
    other = keys.git("rev-parse", "main")
    assert check("signed", keys.allowed("ada"), commit=other)["msg"] == (
        f"{P}the tag 'signed' of {repo} no longer leads to commit {other}. Nothing was changed. Run this again."
    )


def test_openpgp(check: Check, keys: Keys, openpgp: dict[str, str]) -> None:
    repo, armor = f"file://{keys.repo}", keys.run("gpg", "--armor", "--export", openpgp["gin"])
    assert check("openpgp", armor)["signed_by"] == f"gin <gin@example.org>, OpenPGP key {openpgp['gin']}"
    assert check("openpgp-strange", armor)["msg"] == (
        f"{P}the tag 'openpgp-strange' of {repo} is signed with OpenPGP key {openpgp['joe'][-16:]}, which belongs to none of "
        f"these signers. Nothing was changed. {STRANGER}"
    )
    assert check("openpgp-forged", armor)["msg"] == (
        f"{P}the tag 'openpgp-forged' of {repo} has an invalid signature: it does not match what was signed. "
        f"Nothing was changed. {ANEW}"
    )
    # Each form counts with keys of its own alone, and both may be given.
    both = f"{keys.allowed('ada')}{armor}\n"
    assert "signed_by" in check("openpgp", both)
    assert "signed_by" in check("signed", both)
    for ref, signers, form in (("openpgp", keys.allowed("ada"), "OpenPGP"), ("signed", armor, "SSH")):
        assert check(ref, signers)["msg"] == (
            f"{P}the tag {ref!r} of {repo} is signed with an {form} key, and none of these signers has such a key. "
            f"Nothing was changed. {STRANGER}"
        )


@pytest.mark.usefixtures("openpgp")
def test_an_openpgp_key_that_does_not_count_any_more(check: Check, keys: Keys) -> None:
    for made, command, why in (
        ("old", ("--quick-set-expire", "{key}", "seconds=1"), "its OpenPGP key has expired"),
        ("lost", ("--import", "{folder}/revoke"), "its OpenPGP key was revoked"),
    ):
        key = keys.make_openpgp(f"{made} <{made}@example.org>")
        keys.git("tag", "-s", "-m", made, made, openpgp=key)
        text = (keys.gnupg / f"openpgp-revocs.d/{key}.rev").read_text().replace("\n:---", "\n---")
        (keys.folder / "revoke").write_text(text)
        given = [word.format(key=key, folder=keys.folder) for word in command]
        keys.run("gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", *given)
        keys.run("sleep", "2")
        found = check(made, keys.run("gpg", "--armor", "--export", key))
        assert found["msg"].endswith(f" has an invalid signature: {why}. Nothing was changed. {ANEW}"), found


def test_the_users_own_keys_do_not_count(
    check: Check, keys: Keys, openpgp: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (keys.folder / "everybody").write_text(keys.allowed("ada", "eve"))
    config = f'[gpg "ssh"]\n\tallowedSignersFile = {keys.folder}/everybody\n[gpg]\n\tprogram = /bin/true\n'
    (keys.folder / ".gitconfig").write_text(config)
    monkeypatch.setenv("HOME", str(keys.folder))
    monkeypatch.setenv("GNUPGHOME", str(keys.gnupg))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(keys.folder / ".gitconfig"))
    armor = keys.run("gpg", "--armor", "--export", openpgp["gin"])
    assert "belongs to none of these signers" in check("strange", keys.allowed("ada"))["msg"]
    assert "belongs to none of these signers" in check("openpgp-strange", armor)["msg"]


SIGNERS = [
    ("", "names no signer. Give allowed signers of SSH, or ASCII-armored OpenPGP public keys."),
    ("# nobody\n", "names no signer. Give allowed signers of SSH, or ASCII-armored OpenPGP public keys."),
    (b"\x99\x01\xff", ""),
    ("ada@example.org\n", "1"),
    ("\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcOpAmAjGp7IPnblH1EjOphdeF7 ada\n", "2"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "1"),
]


@pytest.mark.parametrize(("signers", "why"), SIGNERS)
def test_signers_that_are_none(check: Check, tmp_path: Path, signers: str | bytes, why: str) -> None:
    file, said = tmp_path / "signers", check("signed", signers)["msg"]
    if isinstance(signers, bytes):
        assert said == f"{P}the file {file} is not text. Give ASCII-armored OpenPGP keys, as gpg --armor --export writes them."
    elif why.isdigit():
        assert said == (
            f"{P}line {why} of {file} is neither part of an OpenPGP public key nor an allowed signer. Give the signer, then the "
            "key, as in: ada@example.org ssh-ed25519 AAAA..."
        )
    else:
        assert said == f"{P}{file} {why}"


@pytest.mark.usefixtures("openpgp")
def test_openpgp_keys_that_are_none(check: Check) -> None:
    broken = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"
    assert check("openpgp", broken)["msg"] == (
        f"{P}gpg cannot read the OpenPGP keys. Give them as gpg --armor --export writes them."
    )


def test_a_file_that_is_not_there(check: Check, tmp_path: Path) -> None:
    assert check("signed", "", file=str(tmp_path / "nowhere"))["msg"] == (
        f"{P}the file {tmp_path}/nowhere cannot be read: No such file or directory. Correct its path."
    )


def test_a_repository_that_is_gone(check: Check, keys: Keys) -> None:
    found = check("signed", keys.allowed("ada"), repo=f"file://{keys.folder}/nowhere")
    assert found["msg"] == (
        f"{P}the tag 'signed' of file://{keys.folder}/nowhere cannot be fetched: '{keys.folder}/nowhere' does not appear to be a "
        "git repository. Nothing was changed. Check the URL and the rights to read it."
    )


def test_a_repository_that_does_not_answer(check: Check, keys: Keys) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        repo = f"git://127.0.0.1:{silent.getsockname()[1]}/repo"
        assert check("signed", keys.allowed("ada"), repo=repo, timeout=1)["msg"] == (
            f"{P}the tag 'signed' of {repo} could not be fetched within 1 s. Nothing was changed. Check the network from this "
            "host to it, or raise zddc_server_git_timeout."
        )


def test_what_this_host_lacks(check: Check, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs, git = tmp_path / "programs", shutil.which("git")
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(keys, "env", keys.env | {"PATH": os.environ["PATH"]})
    commit = subprocess.run([git, "rev-parse", "signed^{commit}"], cwd=keys.repo, capture_output=True, text=True, check=True)
    monkeypatch.setattr(keys, "git", lambda *_arguments: commit.stdout.strip())
    allowed = keys.allowed("ada")
    lacks = "There is no {} on this host, and zddc_server_trusted_signers needs it. Install the package {} here."
    assert check("signed", allowed)["msg"] == lacks.format("git", "git")
    (programs / "git").symlink_to(git)
    assert check("signed", allowed)["msg"] == lacks.format("ssh-keygen", "openssh-client")
    (programs / "ssh-keygen").symlink_to("/bin/true")
    (programs / "git").unlink()
    (programs / "git").write_text(f'#!/bin/sh\n[ "$1" != version ] || {{ echo git version 2.33.1; exit; }}\nexec {git} "$@"\n')
    (programs / "git").chmod(0o755)
    assert check("signed", allowed)["msg"] == (
        "git 2.33.1 on this host cannot verify SSH signatures, and zddc_server_trusted_signers needs them. "
        "Install git 2.34 or newer."
    )


def test_what_was_checked_before(check: Check, keys: Keys) -> None:
    found, nowhere = check("signed", keys.allowed("ada")), "file:///nowhere"
    noted = {key: found[key] for key in ("signed_by", "trusted")}
    again = check("signed", keys.allowed("ada"), "kept", commit="1" * 40, repo=nowhere, noted=noted)
    assert again == found
    for signers, note in ((keys.allowed("ada", "eve"), noted), (keys.allowed("ada"), {})):
        assert check("signed", signers, "kept", commit="1" * 40, repo=nowhere, noted=note)["msg"] == (
            f"{P}'signed' at commit {'1' * 40} was not checked with these signers when it was deployed. Nothing was changed. "
            "Deploy it while the repository can be read, which checks it: -e zddc_server_git_ref=signed"
        )


class Cluster:
    """What the API answers for the ConfigMap."""

    address = "https://cluster"

    def __init__(self, found: Any) -> None:
        self.found = found

    def find(self, path: str) -> Any:
        assert path == "/api/v1/namespaces/documents/configmaps/signers"
        if isinstance(self.found, ApiError):
            raise self.found
        return self.found


MAPS = [
    (None, f"{P}there is no ConfigMap 'signers' in namespace 'documents'. Create it, or name one that exists."),
    ({}, f"{P}ConfigMap 'signers' in namespace 'documents' has no key 'allowed_signers' (it has none). Name one that it has."),
    (
        {"data": {"b": "", "a": ""}},
        f"{P}ConfigMap 'signers' in namespace 'documents' has no key 'allowed_signers' (it has a, b). Name one that it has.",
    ),
    (
        {"data": {"allowed_signers": "x"}},
        f"{P}line 1 of key 'allowed_signers' of ConfigMap 'signers' in namespace 'documents' is neither part of an OpenPGP "
        "public key nor an allowed signer. Give the signer, then the key, as in: ada@example.org ssh-ed25519 AAAA...",
    ),
    (
        ApiError("does not answer within 10 s", "Check the network to it, or choose another."),
        f"{P}ConfigMap 'signers' in namespace 'documents' cannot be read: the cluster at https://cluster does not answer within "
        "10 s. Check the network to it, or choose another.",
    ),
]


@pytest.mark.parametrize(("answer", "message"), MAPS)
def test_a_config_map_that_is_none(check: Check, monkeypatch: pytest.MonkeyPatch, answer: Any, message: str) -> None:
    monkeypatch.setattr(signature, "connect", lambda *_arguments: Cluster(answer))
    assert check("signed", "", file=None, config_map="signers", namespace="documents")["msg"] == message


def test_a_config_map(check: Check, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = keys.allowed("ada")
    monkeypatch.setattr(signature, "connect", lambda *_arguments: Cluster({"data": {"who": allowed}}))
    found = check("signed", "", file=None, config_map="signers", namespace="documents", key="who")
    assert found == check("signed", allowed)


TWICE = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{{{ ansible_playbook_python }}}}"
    zddc_server_git_repo: "{repo}"
    zddc_server_git_ref: signed
  tasks:
    - ansible.builtin.include_role: {{name: varasys.zddc.zddc_server, tasks_from: render}}
      vars: {{folder: "{folder}/first", zddc_server_trusted_signers: {{file: "{folder}/signers"}}}}
    - ansible.builtin.include_role: {{name: varasys.zddc.zddc_server, tasks_from: render}}
      vars: {{folder: "{folder}/second"}}
"""


def test_a_signature_is_of_one_instance(keys: Keys, tmp_path: Path, play: Callable[..., Any]) -> None:
    """Of two in one play, on one host, the second asks for none, and shows none."""
    (tmp_path / "signers").write_text(keys.allowed("ada"))
    (tmp_path / "play.yml").write_text(TWICE.format(repo=f"file://{keys.repo}", folder=tmp_path))
    played = play(tmp_path / "play.yml")
    assert (played.returncode, played.message) == (0, "")
    first, second = (
        yaml.safe_load((tmp_path / name / "default/zddc-server-prod/deployment.yaml").read_text())["metadata"]
        for name in ("first", "second")
    )
    assert first["annotations"]["varasys.zddc/signed-by"] == f"ada@example.org, {keys.fingerprint('ada')}"
    assert "annotations" not in second
