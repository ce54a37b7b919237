# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wrong input: the message to the letter. What takes a cluster or a repository to find is in tests/inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.facts import checked

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases.yml").read_text())
FITS = {
    "zddc_server_namespace": "documents",
    "zddc_server_git_repo": "git://git.example.org/zddc.git",
    "zddc_server_build_image": "registry.example.org/go:1",
    "zddc_server_image": "registry.example.org/alpine:1",
}


def test_what_fits() -> None:
    instance = checked(FITS)["instance"]
    assert instance["options"]["namespace"] == "documents"
    assert instance["selector"] == "app.kubernetes.io/instance=zddc-server-prod"


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_input(case: dict[str, Any]) -> None:
    found = checked({**FITS, **case["variables"]})
    assert found["failed"]
    assert found["msg"] == case["message"]
