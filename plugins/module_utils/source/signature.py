# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Who signed a tag or a commit, and whether that signer is trusted. Git verifies, with only the trusted signers' keys."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Caller, connect, path_of
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError, Problem
from ansible_collections.varasys.zddc.plugins.module_utils.compare.preflight import cannot
from ansible_collections.varasys.zddc.plugins.module_utils.names import PREFIX
from ansible_collections.varasys.zddc.plugins.module_utils.source import git_ref

SIGNERS = f"{PREFIX}trusted_signers"
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    **AUTH_ARG_SPEC,
    "repo": {"type": "str", "required": True},
    "ref": {"type": "str", "required": True},
    "commit": {"type": "str", "required": True},
    "kind": {"type": "str", "choices": ["tag", "branch", "commit", "kept"], "required": True},
    "timeout": {"type": "int", "default": 10},
    "file": {"type": "path"},
    "config_map": {"type": "str"},
    # A key of a ConfigMap, not a secret.
    "key": {"type": "str", "default": "allowed_signers", "no_log": False},
    "namespace": {"type": "str"},
    "noted": {"type": "dict", "default": {}},
}
CONDITIONS: dict[str, Any] = {
    "required_one_of": [("file", "config_map")],
    "mutually_exclusive": [("file", "config_map")],
    "required_by": {"config_map": ["namespace"]},
}

OPENPGP = re.compile(r"-----BEGIN PGP PUBLIC KEY BLOCK-----.*?-----END PGP PUBLIC KEY BLOCK-----", re.DOTALL)
KEY = r"(?:ssh|ecdsa|sk)-[a-z0-9@.-]+\s+[A-Za-z0-9+/]{20,}={0,3}"
SIGNER = re.compile(rf"(?!{KEY})\S.*?\s{KEY}(?:\s|$)")
# The first line of the signature of a tag, or of a commit.
SIGNATURE = re.compile(r"^(?:gpgsig(?:-sha256)? )?-----BEGIN (PGP|SSH|SIGNED) (?:SIGNATURE|MESSAGE)-----$", re.MULTILINE)
FORMS = {"SSH": "an SSH key", "PGP": "an OpenPGP key", "SIGNED": "an X.509 certificate"}
GOOD_SSH = re.compile(r'^Good "git" signature for (?P<who>.+) with (?P<key>.+)$', re.MULTILINE)
OTHER_SSH = re.compile(r'^Good "git" signature with (?P<key>.+)$', re.MULTILINE)
# gpg has only the keys that are given, and these are trusted.
GPG_CONF = "batch\nno-autostart\nno-auto-key-retrieve\ntrust-model always\n"
NOT_GOOD = {
    "EXPKEYSIG": "its OpenPGP key has expired",
    "REVKEYSIG": "its OpenPGP key was revoked",
    "EXPSIG": "it has expired",
    "BADSIG": "it does not match what was signed",
}
NO_HOLD = "has an invalid signature: "
ANEW = "Have it signed again."
STRANGER = "Find out who signed it, and trust that key only if its owner may release what runs here."


class Signers(NamedTuple):
    """The trusted signers."""

    ssh: str
    """Lines of an allowed-signers file."""
    openpgp: str
    """ASCII-armored public keys."""

    @property
    def digest(self) -> str:
        """A hash of all signers, the same in any order."""
        lines = sorted(self.ssh.splitlines()) + sorted(OPENPGP.findall(self.openpgp))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:20]


def parse(text: str, where: str) -> Signers:
    """Return the lines of SSH and the blocks of OpenPGP, which may be in one file."""
    # A removed block leaves its line ends, so that line numbers stay right.
    rest = OPENPGP.sub(lambda block: "\n" * block[0].count("\n"), text)
    lines = []
    for number, line in enumerate((one.strip() for one in rest.splitlines()), 1):
        if not line or line.startswith("#"):
            continue
        if not SIGNER.match(line):
            raise Problem(
                f"{SIGNERS}: line {number} of {where} is neither part of an OpenPGP public key nor an allowed signer. Give "
                "the signer, then the key, as in: ada@example.org ssh-ed25519 AAAA..."
            )
        lines.append(line)
    signers = Signers("".join(f"{line}\n" for line in lines), "\n".join(OPENPGP.findall(text)))
    if not any(signers):
        raise Problem(f"{SIGNERS}: {where} names no signer. Give allowed signers of SSH, or ASCII-armored OpenPGP public keys.")
    return signers


def read_file(path: str) -> Signers:
    """Return the signers that a file names."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise Problem(f"{SIGNERS}: the file {path} cannot be read: {error.strerror}. Correct its path.") from None
    except UnicodeDecodeError:
        raise Problem(
            f"{SIGNERS}: the file {path} is not text. Give ASCII-armored OpenPGP keys, as gpg --armor --export writes them."
        ) from None
    return parse(text, path)


def read_config_map(caller: Caller, namespace: str, name: str, key: str) -> Signers:
    """Return the signers that a key of a ConfigMap names."""
    where = f"ConfigMap {name!r} in namespace {namespace!r}"
    api = connect(caller, PREFIX)
    try:
        found = api.find(path_of("namespaces", namespace, "configmaps", name))
    except ApiError as error:
        raise Problem(cannot("read", SIGNERS, where, api, error), error.reason) from error
    if found is None:
        raise Problem(f"{SIGNERS}: there is no {where}. Create it, or name one that exists.")
    data = found.get("data") or {}
    if key not in data:
        has = f"it has {', '.join(sorted(data)[:5])}" if data else "it has none"
        raise Problem(f"{SIGNERS}: {where} has no key {key!r} ({has}). Name one that it has.")
    return parse(data[key], f"key {key!r} of {where}")


class Verifier:
    """A temporary repository with what was signed."""

    def __init__(self, folder: Path, options: dict[str, Any]) -> None:
        self.repo, self.ref, self.commit = options["repo"], options["ref"], options["commit"]
        self.tag = options["kind"] == "tag"
        branch = f" ({self.ref})" if options["kind"] == "branch" else ""
        self.what = f"the tag {self.ref!r}" if self.tag else f"commit {self.commit}{branch}"
        self.timeout, self.deadline = options["timeout"], time.monotonic() + options["timeout"]
        self.folder, self.work, self.git = folder, folder / "repository", needed("git", "git")

    def refused(self, why: str, advice: str) -> Problem:
        """Return the problem with it, as a message for the user."""
        return Problem(f"{SIGNERS}: {self.what} of {self.repo} {why}. Nothing was changed. {advice}")

    def local(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command on this host, without the user's or the system's configuration."""
        env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder), "LC_ALL": "C"}
        env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **environment}
        return subprocess.run(
            command, cwd=self.work, env=env, check=False, capture_output=True, text=True, errors="replace", timeout=60
        )

    def fetch(self) -> None:
        """Fetch what was signed, without its files."""
        git_ref.make_repository(self.git, str(self.work), self.commit)
        name = f"refs/tags/{self.ref}"
        # Not every repository serves a commit by its hash.
        tries = [[f"+{name}:{name}"]] if self.tag else [[self.commit], ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]]
        try:
            for number, wanted in enumerate(tries):
                depth = [] if number else ["--depth=1"]
                fetch = ("fetch", "--quiet", *depth, "--filter=tree:0", "--no-tags", "--", self.repo, *wanted)
                code, _out, err = git_ref.ask(self.git, self.repo, self.deadline, *fetch, cwd=str(self.work))
                if code == 0:
                    break
            else:
                said = [line for line in err.splitlines() if line.startswith(("fatal: ", "error: "))] or [
                    f"git exited with {code}"
                ]
                why = git_ref.without_credentials(said[0]).partition(": ")[2].rstrip(".")
                raise self.refused(f"cannot be fetched: {why}", "Check the URL and the rights to read it.")
        except git_ref.OutOfTime:
            raise self.refused(
                f"could not be fetched within {self.timeout} s",
                f"Check the network from this host to it, or raise {PREFIX}git_timeout.",
            ) from None

    def object(self) -> str:
        """Return the name of what was signed, which leads to the commit."""
        if not self.tag:
            return str(self.commit)
        name = f"refs/tags/{self.ref}"
        if self.local(self.git, "rev-parse", f"{name}^{{commit}}").stdout.strip() != self.commit:
            raise self.refused(f"no longer leads to commit {self.commit}", "Run this again.")
        if self.local(self.git, "cat-file", "-t", name).stdout.strip() != "tag":
            raise self.refused(
                "is a lightweight tag, which cannot be signed", "Have it created with git tag --sign, or name another."
            )
        return name

    def verify(self, signers: Signers) -> str:
        """Return who signed it, and with which key, if that is one of these signers."""
        self.fetch()
        name = self.object()
        text = self.local(self.git, "cat-file", "-p", name).stdout
        # The name is signed too, so that no tag passes for another.
        made_as = re.search(r"^tag (.+)$", text, re.MULTILINE)
        if self.tag and made_as and made_as[1] != self.ref:
            raise self.refused(f"was created as {made_as[1]!r}", "Find out who renamed it.")
        forms = SIGNATURE.findall(text)
        if not forms:
            how = "git tag --sign" if self.tag else "git commit --gpg-sign"
            raise self.refused("is not signed", f"Have it signed ({how}), or name one that is signed.")
        if forms[-1] == "SSH" and signers.ssh:
            return self.verify_ssh(name, signers.ssh)
        if forms[-1] == "PGP" and signers.openpgp:
            return self.verify_openpgp(name, signers.openpgp)
        raise self.refused(f"is signed with {FORMS[forms[-1]]}, and none of these signers has such a key", STRANGER)

    def run(self, name: str, allowed: str, gnupg: Path) -> tuple[bool, str]:
        """Verify the signature with only these keys. Return whether it is valid, and the output."""
        config = ("-c", f"gpg.ssh.allowedSignersFile={allowed}", "-c", "gpg.x509.program=false")
        verb = "verify-tag" if self.tag else "verify-commit"
        done = self.local(self.git, *config, verb, "--raw", name, GNUPGHOME=str(gnupg))
        return done.returncode == 0, f"{done.stdout}{done.stderr}"

    def verify_ssh(self, name: str, signers: str) -> str:
        """Verify a signature with an SSH key. Return the signer and the key."""
        needed("ssh-keygen", "openssh-client")
        version = self.local(self.git, "version").stdout.split()[2]
        if [int(part) for part in re.findall(r"[0-9]+", version)[:2]] < [2, 34]:
            raise Problem(
                f"git {version} on this host cannot verify SSH signatures, and {SIGNERS} needs them. Install git 2.34 or newer."
            )
        allowed = self.folder / "allowed-signers"
        allowed.write_text(signers)
        good, said = self.run(name, str(allowed), self.folder / "no-gnupg")
        if good and (found := GOOD_SSH.search(said)):
            return f"{found['who']}, {found['key']}"
        # An expired key, for example.
        reason = re.search(rf"^{re.escape(str(allowed))}:\d+: (.+)$", said, re.MULTILINE)
        if found := OTHER_SSH.search(said):
            why = f"none of these signers may use: {reason[1]}" if reason else "belongs to none of these signers"
            raise self.refused(f"is signed with {found['key']}, which {why}", STRANGER)
        raise self.refused(NO_HOLD + (reason[1] if reason else last_line(said)), ANEW)

    def verify_openpgp(self, name: str, keys: str) -> str:
        """Verify a signature with an OpenPGP key. Return the signer and the key."""
        gpg, home = needed("gpg", "gnupg"), self.folder / "gnupg"
        home.mkdir(mode=0o700)
        (home / "gpg.conf").write_text(GPG_CONF)
        (self.folder / "keys.asc").write_text(keys)
        done = self.local(gpg, "--import", str(self.folder / "keys.asc"), GNUPGHOME=str(home))
        if done.returncode:
            raise Problem(f"{SIGNERS}: gpg cannot read the OpenPGP keys. Give them as gpg --armor --export writes them.")
        good, said = self.run(name, os.devnull, home)
        status = dict(re.findall(r"^\[GNUPG:\] (\S+) (.*)$", said, re.MULTILINE))
        if good and {"GOODSIG", "VALIDSIG"} <= status.keys():
            return f"{status['GOODSIG'].partition(' ')[2]}, OpenPGP key {status['VALIDSIG'].split()[-1]}"
        if "NO_PUBKEY" in status:
            raise self.refused(
                f"is signed with OpenPGP key {status['NO_PUBKEY']}, which belongs to none of these signers", STRANGER
            )
        why = next((words for word, words in NOT_GOOD.items() if word in status), last_line(said))
        raise self.refused(NO_HOLD + why, ANEW)


def last_line(said: str) -> str:
    """Return the last line of a program's output."""
    return next((line.strip().rstrip(".") for line in reversed(said.splitlines()) if line.strip()), "git gives no reason")


def needed(program: str, package: str) -> str:
    """Return the path of a program."""
    found = shutil.which(program)
    if not found:
        raise Problem(f"There is no {program} on this host, and {SIGNERS} needs it. Install the package {package} here.")
    return found


def kept(options: dict[str, Any], signers: Signers) -> str:
    """Return who signed it, if it was checked with these signers when it was deployed."""
    if options["noted"].get("trusted") != signers.digest:
        raise Problem(
            f"{SIGNERS}: {options['ref']!r} at commit {options['commit']} was not checked with these signers when it was "
            "deployed. Nothing was changed. Deploy it while the repository can be read, which checks it: -e "
            f"{PREFIX}git_ref={options['ref']}"
        )
    return str(options["noted"]["signed_by"])


def checked(caller: Caller) -> dict[str, Any]:
    """Do the work of the module signature."""
    options = caller.params
    if options["file"]:
        signers = read_file(options["file"])
    else:
        signers = read_config_map(caller, options["namespace"], options["config_map"], options["key"])
    if options["kind"] == "kept":
        signed_by = kept(options, signers)
    else:
        with tempfile.TemporaryDirectory() as folder:
            signed_by = Verifier(Path(folder), options).verify(signers)
    return {"signed_by": signed_by, "trusted": signers.digest}
