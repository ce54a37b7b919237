# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keys of SSH and OpenPGP, and a repository in which they sign."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Keys:
    """A folder with SSH keys, a key ring, and a repository that they have signed in."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.repo = folder, folder / "repo"
        self.gnupg = folder / "gnupg"
        self.gnupg.mkdir(mode=0o700)
        self.env = {
            **os.environ, "HOME": str(folder), "GNUPGHOME": str(self.gnupg), "LC_ALL": "C",
            "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
        }  # fmt: skip
        for role in ("AUTHOR", "COMMITTER"):
            self.env |= {f"GIT_{role}_NAME": "t", f"GIT_{role}_EMAIL": "t@example.org"}

    def run(self, *command: str, text: str | None = None) -> str:
        """Run a command in the folder."""
        done = subprocess.run(command, cwd=self.folder, env=self.env, input=text, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def git(self, *arguments: str, ssh: str = "", openpgp: str = "") -> str:
        """Run git in the repository; what it signs, it signs with this key."""
        config = ["-c", "gpg.format=ssh", "-c", f"user.signingKey={self.folder}/{ssh}"] if ssh else []
        config += ["-c", f"user.signingKey={openpgp}"] if openpgp else []
        return self.run("git", "-C", str(self.repo), *config, *arguments)

    def forge(self, tag: str) -> None:
        """Make a tag of another name, with the signature of one."""
        text = self.git("cat-file", "-p", f"refs/tags/{tag}").replace(f"tag {tag}\n", f"tag {tag}-forged\n")
        made = self.run("git", "-C", str(self.repo), "hash-object", "-t", "tag", "-w", "--stdin", text=f"{text}\n")
        self.git("update-ref", f"refs/tags/{tag}-forged", made)

    def make_openpgp(self, who: str, expires: str = "never") -> str:
        """Make an OpenPGP key, and give its fingerprint."""
        self.run("gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", who, "ed25519", "sign", expires)
        lines = self.run("gpg", "--with-colons", "--list-keys", who).splitlines()
        return next(line.split(":")[9] for line in lines if line.startswith("fpr"))

    def allowed(self, *names: str, **options: str) -> str:
        """Give allowed signers, with options for some of them."""
        lines = []
        for name in names:
            kind, key, _comment = (self.folder / f"{name}.pub").read_text().split(maxsplit=2)
            lines.append(" ".join([f"{name}@example.org", *([options[name]] if name in options else []), kind, key]))
        return "".join(f"{line}\n" for line in lines)

    def fingerprint(self, name: str) -> str:
        """Give how an SSH key is called."""
        return f"ED25519 key {self.run('ssh-keygen', '-l', '-f', f'{name}.pub').split()[1]}"


@contextmanager
def signing() -> Iterator[Keys]:
    """Make a folder, with the SSH keys of ada and eve, and remove it in the end."""
    # Not below pytest's folder, whose name is too long for the socket of gpg's agent.
    folder = Path(tempfile.mkdtemp())
    keys = Keys(folder)
    for name in ("ada", "eve"):
        keys.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name)
    try:
        yield keys
    finally:
        if shutil.which("gpgconf"):
            subprocess.run(["gpgconf", "--kill", "all"], env=keys.env, check=False)
        shutil.rmtree(folder)
