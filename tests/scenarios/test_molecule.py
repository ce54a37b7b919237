# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every Molecule scenario: create, converge, idempotence, verify, destroy. What it prints is shown while it runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import kubernetes
import pytest
from warm import Warm

ROOT = Path(__file__).resolve().parent.parent.parent
SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/verify.yml"))
ENVIRONMENT = {
    **os.environ,
    "MOLECULE_GLOB": "molecule/*/molecule.yml",
    "MOLECULE_COMMAND_BORDERS": "false",
    "NO_COLOR": "1",
}


def molecule(warm: Warm, scenario: str, *arguments: str) -> tuple[bool, str]:
    """Run molecule, with its output on the terminal. Give whether it ended well, and what it said last before it failed."""
    said: deque[str] = deque(maxlen=60)
    command = ["molecule", *arguments, "--scenario-name", scenario]
    environment = {**ENVIRONMENT, "PATH": f"{warm.command()}{os.pathsep}{ENVIRONMENT['PATH']}"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        assert run.stdout
        for line in run.stdout:
            # The standard output of a process that runs beside others is lost.
            print(f"{scenario}: {line}", end="", file=sys.stderr, flush=True)
            said.append(line)
    return run.returncode == 0, "".join(said)


def namespaces(core: kubernetes.client.CoreV1Api, scenario: str) -> list[str]:
    """Give those of a scenario; one with several sites has more than one."""
    names = [item.metadata.name for item in core.list_namespace().items]
    return [name for name in names if re.fullmatch(rf"molecule-{scenario}(-paris|-lyon)?", name)]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(
    scenario: str, evidence: Callable[[str], str], core: kubernetes.client.CoreV1Api, capfd: pytest.CaptureFixture[str]
) -> None:
    with capfd.disabled(), closing(Warm()) as warm:
        # A run that was cut off leaves namespaces, and Molecule believes that what it has created is there.
        molecule(warm, scenario, "destroy")
        passed, said = molecule(warm, scenario, "test", "--destroy", "never")
        if not passed:
            for namespace in namespaces(core, scenario):
                print(evidence(namespace), file=sys.stderr, flush=True)
        destroyed, left = molecule(warm, scenario, "destroy")
    assert passed, f"scenario {scenario} failed:\n{said}"
    assert destroyed, f"scenario {scenario} left something behind:\n{left}"
