# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every case, rendered once."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session", name="rendered")
def render(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a folder for each case, and with the Jobs of those that have one in `jobs`."""
    out = tmp_path_factory.mktemp("golden")
    played = subprocess.run(
        ["ansible-playbook", "-i", str(HERE / "cases.yml"), str(HERE / "render.yml"), "-e", f"out={out}"],
        cwd=HERE.parent.parent,
        check=False,
        capture_output=True,
        text=True,
    )
    assert played.returncode == 0, played.stdout
    (out / "jobs").mkdir()
    for path in out.glob("*.json"):
        case = json.loads(path.read_text())
        (out / path.stem).mkdir()
        for name, text in case["manifests"].items():
            (out / path.stem / name).write_text(text)
        if case["job"]:
            (out / "jobs" / f"{path.stem}.yaml").write_text(case["job"])
    return out
