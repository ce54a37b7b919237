# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every Molecule scenario: create, converge, idempotence, verify, destroy. What it prints is shown while it runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/verify.yml"))
ENVIRONMENT = {
    **os.environ,
    "MOLECULE_GLOB": "molecule/*/molecule.yml",
    "MOLECULE_COMMAND_BORDERS": "false",
    "NO_COLOR": "1",
}


def molecule(*arguments: str) -> int:
    """Run molecule, with its output on the terminal."""
    return subprocess.run(["molecule", *arguments], cwd=ROOT, env=ENVIRONMENT, check=False).returncode


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(scenario: str, evidence: Callable[[str], str], capfd: pytest.CaptureFixture[str]) -> None:
    with capfd.disabled():
        print(f"\n== Scenario {scenario}", flush=True)
        passed = molecule("test", "--destroy", "never", "--scenario-name", scenario) == 0
        if not passed:
            print(evidence(f"molecule-{scenario}"), flush=True)
        destroyed = molecule("destroy", "--scenario-name", scenario) == 0
    assert passed, f"scenario {scenario} failed: see above"
    assert destroyed, f"scenario {scenario} left something behind: see above"
