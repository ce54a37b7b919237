# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every case, rendered once."""

from __future__ import annotations

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
    return out
