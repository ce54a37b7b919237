# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every Molecule scenario: create, converge, idempotence, verify, destroy. What it prints is shown while it runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
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


class Scenario:
    """A scenario, a process that plays for it, and a folder where Molecule notes what it has done."""

    def __init__(self, name: str, warm: Warm, notes: Path) -> None:
        self.name, self._warm, self._notes = name, warm, notes

    def run(self, *arguments: str) -> tuple[bool, str]:
        """Run molecule, with its output on the terminal. Give whether it ended well, and what it said last before it failed."""
        said: deque[str] = deque(maxlen=60)
        command = ["molecule", *arguments, "--scenario-name", self.name]
        given = {**ENVIRONMENT, "PATH": f"{self._warm.command()}{os.pathsep}{ENVIRONMENT['PATH']}"}
        given["MOLECULE_EPHEMERAL_DIRECTORY"] = str(self._notes)
        with subprocess.Popen(command, cwd=ROOT, env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
            assert run.stdout
            for line in run.stdout:
                # The standard output of a process that runs beside others is lost.
                print(f"{self.name}: {line}", end="", file=sys.stderr, flush=True)
                said.append(line)
        return run.returncode == 0, "".join(said)

    def namespaces(self, core: kubernetes.client.CoreV1Api) -> list[str]:
        """Give those that it has made; one with several sites has more than one."""
        names = [item.metadata.name for item in core.list_namespace().items]
        return [name for name in names if re.fullmatch(rf"molecule-{self.name}(-paris|-lyon)?", name)]


@pytest.fixture(scope="module", name="scenario", params=SCENARIOS)
def scenario_fixture(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    """Give each."""
    with closing(Warm()) as warm:
        yield Scenario(request.param, warm, tmp_path_factory.mktemp("molecule"))


def test_scenario(
    scenario: Scenario, evidence: Callable[[str], str], core: kubernetes.client.CoreV1Api, capfd: pytest.CaptureFixture[str]
) -> None:
    with capfd.disabled():
        if scenario.namespaces(core):
            # A run that was cut off has left them.
            scenario.run("destroy")
        passed, said = scenario.run("test", "--destroy", "never")
        if not passed:
            for namespace in scenario.namespaces(core):
                print(evidence(namespace), file=sys.stderr, flush=True)
    assert passed, f"scenario {scenario.name} failed:\n{said}"


def test_it_leaves_nothing(scenario: Scenario, core: kubernetes.client.CoreV1Api, capfd: pytest.CaptureFixture[str]) -> None:
    with capfd.disabled():
        destroyed, said = scenario.run("destroy")
    assert (destroyed, scenario.namespaces(core)) == (True, []), said
