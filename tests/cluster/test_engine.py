# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a purge takes from the engine, asked of an engine that only notes what it is told."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[2] / "roles/kind_cluster/files/engine.sh"


@pytest.mark.parametrize(("made", "containers", "removed"), [(True, "", True), (False, "", False), (True, "1a2b", False)])
def test_the_network_goes_if_it_was_made_here_and_is_empty(made: bool, containers: str, removed: bool, tmp_path: Path) -> None:
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir()
    docker.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/told\n[ "$1" != ps ] || printf "{containers}"\n')
    docker.chmod(0o755)
    if made:
        (tmp_path / "network").touch()
    environment = os.environ | {"CACHE": str(tmp_path), "ENGINE": "docker", "PATH": f"{docker.parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", ENGINE, "forget"], env=environment, capture_output=True, text=True, check=True)
    assert ("network rm kind" in (tmp_path / "told").read_text()) is removed
    assert done.stdout == ("removed the network kind\n" if removed else "")
