# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs built from a Go module of the project, whose go.mod and go.sum pin every part of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from cache import CACHE

PIECES = Path(__file__).resolve().parent.parent / "roles/kind_cluster/files/pieces.sh"


def go_program() -> Path:
    """Give the Go that the local cluster of this checkout was built with, or the one in PATH."""
    # By its name: another checkout may build another one, and remove those that it does not know.
    environment = {**os.environ, "CACHE": str(CACHE)}
    piece = subprocess.run(["bash", PIECES, "path", "go"], env=environment, capture_output=True, text=True, check=True).stdout
    found = f"{piece.strip()}/bin/go" if piece else shutil.which("go")
    assert found, "Go 1.26 is needed: run `make cluster`, which brings it, or put it into PATH"
    return Path(found)


def go(folder: Path, *command: str) -> str:
    """Run a command of Go in the folder of a module; give what it prints."""
    environment = {
        **os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-modcacherw -mod=readonly",
        "GOCACHE": str(CACHE / "go/build"), "GOMODCACHE": str(CACHE / "go/mod"),
    }  # fmt: skip
    done = subprocess.run([go_program(), *command], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def build(folder: Path, package: str, flags: str = "-s -w") -> Path:
    """Build a program; Go does nothing where it is built already."""
    program = CACHE / "go/bin" / package.rpartition("/")[2]
    go(folder, "build", "-trimpath", "-ldflags", flags, "-o", str(program), package)
    return program
