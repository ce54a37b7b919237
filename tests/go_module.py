# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs built from a Go module of the project, whose go.mod and go.sum pin every part of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from cache import CACHE


def go(folder: Path, *command: str) -> str:
    """Run a command of the local cluster's Go, or of the one in PATH, in the folder of a module; give what it prints."""
    found = next((CACHE / "pieces").glob("go-*/bin/go"), None) or shutil.which("go")
    assert found, "Go 1.26 is needed: run `make cluster`, which brings it, or put it into PATH"
    environment = {
        **os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-modcacherw -mod=readonly",
        "GOCACHE": str(CACHE / "go/build"), "GOMODCACHE": str(CACHE / "go/mod"),
    }  # fmt: skip
    done = subprocess.run([str(found), *command], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def build(folder: Path, package: str, flags: str = "-s -w") -> Path:
    """Build a program; Go does nothing where it is built already."""
    program = CACHE / "go/bin" / package.rpartition("/")[2]
    go(folder, "build", "-trimpath", "-ldflags", flags, "-o", str(program), package)
    return program
