# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A value from the inventory, a group, a host, the play or -e wins over the variable set of the mode."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parent.parent.parent
ROLE = {"name": "varasys.zddc.zddc_server", "tasks_from": "inputs.yml"}
Read = Callable[..., dict[str, dict[str, Any]]]


@pytest.fixture(name="read")
def read_fixture(tmp_path: Path, play: Callable[..., Any]) -> Read:
    """Give the function that reads the variables of each host of an inventory, through the role."""

    def read(hosts: dict[str, Any], play_of_it: dict[str, Any], *options: str, **groups: Any) -> dict[str, dict[str, Any]]:
        (tmp_path / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}, **groups}))
        whole = {"hosts": "all", "connection": "local", "gather_facts": False, **play_of_it}
        (tmp_path / "play.yml").write_text(yaml.safe_dump([whole]))
        played = play("-i", tmp_path / "inventory.yml", tmp_path / "play.yml", *options)
        assert played.returncode == 0, played.output
        report = json.loads(played.output[played.output.index("{\n") :])
        found = [item for one in report["plays"] for task in one["tasks"] for item in task["hosts"].items()]
        return {host: result["instance"]["options"] for host, result in found if "instance" in result}

    return read


def include(**more: Any) -> dict[str, Any]:
    """Give a play that checks the variables through the role."""
    return {"tasks": [{"ansible.builtin.include_role": ROLE, **more}]}


def test_each_place_wins_over_the_set(tmp_path: Path, read: Read) -> None:
    wanted = {"zddc_server_log_level": "error"}
    dev = {"zddc_server_mode": "dev"}
    for folder, name in (("group_vars", "from_group_file"), ("host_vars", "host-file")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{name}.yml").write_text(json.dumps(wanted))
    found = read(
        {"prod-default": {}, "dev-default": dev, "inventory": {**dev, **wanted}, "host-file": dev},
        include(),
        from_group={"hosts": {"group": dev}, "vars": wanted},
        from_group_file={"hosts": {"group-file": dev}},
    )
    assert {host: options["log_level"] for host, options in found.items()} == {
        "prod-default": "info",
        "dev-default": "debug",
        "inventory": "error",
        "host-file": "error",
        "group": "error",
        "group-file": "error",
    }


@pytest.mark.parametrize(
    ("play_of_it", "options"),
    [
        pytest.param({"vars": {"zddc_server_log_level": "error"}, **include()}, (), id="play"),
        pytest.param(include(vars={"zddc_server_log_level": "error"}), (), id="role"),
        pytest.param(include(), ("-e", "zddc_server_log_level=error"), id="command line"),
    ],
)
def test_the_play_and_the_command_line_win(read: Read, play_of_it: dict[str, Any], options: tuple[str, ...]) -> None:
    assert read({"dev": {"zddc_server_mode": "dev"}}, play_of_it, *options)["dev"]["log_level"] == "error"


def test_what_is_left_out_in_the_end_is_the_default(read: Read) -> None:
    found = read({"prod": {}}, include(vars={"zddc_server_log_level": "{{ nowhere | default(omit) }}"}))
    assert found["prod"]["log_level"] == "info"


def test_a_variable_that_cannot_be_read_is_named(tmp_path: Path, play: Callable[..., Any]) -> None:
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": {"a": {"zddc_server_name": "{{ nowhere }}"}}}}))
    (tmp_path / "play.yml").write_text(
        yaml.safe_dump([{"hosts": "all", "connection": "local", "gather_facts": False, **include()}])
    )
    played = play("-i", tmp_path / "inventory.yml", tmp_path / "play.yml")
    assert played.returncode == 2
    assert played.message == "Nothing was changed. Fix this and run again:\n- zddc_server_name: 'nowhere' is undefined."


@pytest.mark.parametrize("mode", ["prod", "dev"])
def test_example(read: Read, mode: str) -> None:
    example = PROJECT / "examples" / f"{mode}.yml"
    given = yaml.safe_load(example.read_text())
    options = read({"instance": {}}, include(), "-e", f"@{example}")["instance"]
    assert {f"zddc_server_{name}" for name in options} >= given.keys()
    assert options["name"] == f"zddc-server-{mode}"
    assert options["ingress_hosts"] == given["zddc_server_ingress_hosts"]
    assert options["log_level"] == {"prod": "info", "dev": "debug"}[mode]
