# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Playbooks that need neither a cluster nor a repository: here they reach none."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(name="greeting")
def greeting_fixture() -> dict[str, Any]:
    """Give an object that may come with an instance."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "greeting"}, "data": {"text": "hello"}}


@pytest.fixture(name="run")
def run_fixture(tmp_path: Path, play: Callable[..., Any]) -> Callable[..., Any]:
    """Give the function that runs a playbook in prod, with role variables that differ, named without their prefix."""
    (tmp_path / "bin").mkdir()
    git = tmp_path / "bin/git"
    git.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\nexit 1\n")
    git.chmod(0o755)

    def run(playbook: str, *arguments: str, inventory: dict[str, Any] | None = None, **variables: Any) -> Any:
        if inventory is not None:
            (tmp_path / "inventory.yml").write_text(json.dumps({"zddc_server": inventory}))
            arguments = ("-i", str(tmp_path / "inventory.yml"), *arguments)
        given = {f"zddc_server_{name}": value for name, value in variables.items()}
        played = play(
            f"playbooks/{playbook}.yml",
            *("-e", json.dumps(given)),
            *arguments,
            PATH=f"{tmp_path}/bin:{os.environ['PATH']}",
            KUBECONFIG=str(tmp_path / "nowhere"),
            PWD=str(tmp_path),
        )
        assert not (tmp_path / "asked").exists()
        return played

    return run
