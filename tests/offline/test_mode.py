# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""-e mode=, with and without an inventory that sets modes. The playbook is lint, which needs no cluster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.mark.parametrize(
    ("modes", "said"),
    [
        ({"a": "prod", "b": "dev"}, "a, as prod, for b, as dev"),
        ({"a": "prod", "b": "prod"}, "a, as prod, for b, as prod"),
        # That one would become dev as well.
        ({"a": None, "b": "dev"}, "b, as dev"),
        ({"a": "dev", "b": "dev"}, ""),
        ({"a": None, "b": None}, ""),
    ],
)
def test_a_mode_beside_an_inventory(play: Callable[..., Any], tmp_path: Path, modes: dict[str, Any], said: str) -> None:
    inventory = tmp_path / "hosts.yml"
    hosts = {name: {"zddc_server_name": name} | ({"zddc_server_mode": mode} if mode else {}) for name, mode in modes.items()}
    inventory.write_text(yaml.safe_dump({"zddc_server": {"hosts": hosts}}))
    played = play("-i", inventory, "playbooks/lint.yml", "-e", "mode=dev")
    message = (
        f"mode is 'dev', and zddc_server_mode is set for {said}. Nothing was changed. Leave out -e mode=, and choose hosts "
        "by --limit."
    )
    assert (played.returncode, played.message) == ((2, message) if said else (0, ""))
    linted = {text.split(" ")[0] for text in played.messages if ": no problem." in text}
    assert linted == (set() if said else {"a", "b"})


def test_no_inventory_means_localhost(play: Callable[..., Any]) -> None:
    played = play("playbooks/lint.yml", "-e", "mode=dev")
    assert (played.returncode, list(played.failures)) == (0, [])
    assert any(text.startswith("zddc-server-dev in namespace default, dev: no problem.") for text in played.messages)


def test_an_inventory_without_the_group_means_localhost(play: Callable[..., Any], tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"others": {"hosts": {"a": {"zddc_server_mode": "prod"}}}}))
    played = play("-i", inventory, "playbooks/lint.yml", "-e", "mode=dev")
    assert played.returncode == 0
    assert any(text.startswith("zddc-server-dev in namespace default, dev: no problem.") for text in played.messages)


# The variables that migrate has written set the mode of the release.
@pytest.mark.parametrize("playbook", ["deploy", "migrate", "stop", "verify"])
def test_a_mode_beside_variables_that_set_one(play: Callable[..., Any], playbook: str) -> None:
    played = play(f"playbooks/{playbook}.yml", "-e", "mode=dev", "-e", "zddc_server_mode=prod")
    assert played.returncode == 2
    assert played.message == (
        "mode is 'dev', and zddc_server_mode is set for localhost, as prod. Nothing was changed. Leave out -e mode=, and choose "
        "hosts by --limit."
    )
