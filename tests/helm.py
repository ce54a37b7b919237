# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Helm 4, and the charts that it is tried with."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from go_module import build, go

BENCH = Path(__file__).resolve().parent.parent / "bench"
CHARTS = BENCH / "charts"
MODULE = "helm.sh/helm/v4"


def helm_program() -> str:
    """Give Helm 4: the one in PATH, or one built from its Go module, of which go.mod and go.sum pin every part."""
    known = shutil.which("helm")
    if known and "v4." in subprocess.run([known, "version", "--short"], capture_output=True, text=True, check=False).stdout:
        return known
    folder = BENCH / "helm"
    version = go(folder, "list", "-m", "-f", "{{.Version}}", MODULE)
    return str(build(folder, f"{MODULE}/cmd/helm", f"-s -w -X {MODULE}/internal/version.version={version}"))


class HelmProgram:
    """Runs Helm on a namespace, with a home of its own."""

    def __init__(self, program: str, kubeconfig: str, namespace: str, home: Path) -> None:
        self._command = [program, "--namespace", namespace]
        homes = {f"HELM_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        self._environment = {**os.environ, **homes, "KUBECONFIG": kubeconfig}

    def run(self, *arguments: str) -> str:
        """Run a command that works, and give what it prints."""
        done = subprocess.run([*self._command, *arguments], env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr or done.stdout
        return done.stdout.strip()
