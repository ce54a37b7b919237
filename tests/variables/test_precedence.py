# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A value from the inventory, a group, a host, the play or -e wins over the variable set of the mode."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parent.parent.parent
ROLE = {"name": "varasys.zddc.zddc_server", "tasks_from": "render.yml"}


def rendered(folder: Path, host: str) -> dict[str, Any]:
    """Give what was rendered for a host, by file name."""
    return {path.stem: yaml.safe_load(path.read_text()) for path in (folder / "out" / host).rglob("*.yaml")}


def log_level(folder: Path, host: str) -> str:
    """Give the log level in a host's Deployment."""
    env = rendered(folder, host)["deployment"]["spec"]["template"]["spec"]["containers"][0]["env"]
    return next(entry["value"] for entry in env if entry["name"] == "ZDDC_LOG_LEVEL")


def run(folder: Path, inventory: dict[str, Any], play: dict[str, Any], *options: str) -> None:
    """Render for each host of an inventory."""
    common = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "commit": "0" * 40,
        "folder": str(folder) + "/out/{{ inventory_hostname }}",
    }
    inventory.setdefault("all", {}).setdefault("vars", {}).update(common)
    (folder / "inventory.yml").write_text(yaml.safe_dump(inventory))
    (folder / "play.yml").write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, **play}]))
    done = subprocess.run(
        ["ansible-playbook", "-i", str(folder / "inventory.yml"), str(folder / "play.yml"), *options],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def include(**more: Any) -> dict[str, Any]:
    """Give a play that renders through the role."""
    return {"tasks": [{"ansible.builtin.include_role": ROLE, **more}]}


def test_each_place_wins_over_the_set(tmp_path: Path) -> None:
    wanted = {"zddc_server_log_level": "error"}
    dev = {"zddc_server_mode": "dev"}
    group_vars, host_vars = tmp_path / "group_vars", tmp_path / "host_vars"
    group_vars.mkdir()
    host_vars.mkdir()
    (group_vars / "from_group_file.yml").write_text(json.dumps(wanted))
    (host_vars / "host-file.yml").write_text(json.dumps(wanted))
    inventory = {
        "all": {"hosts": {"prod-default": {}, "dev-default": dev, "inventory": {**dev, **wanted}, "host-file": dev}},
        "from_group": {"hosts": {"group": dev}, "vars": wanted},
        "from_group_file": {"hosts": {"group-file": dev}},
    }
    run(tmp_path, inventory, include())
    found = {path.name: log_level(tmp_path, path.name) for path in (tmp_path / "out").iterdir()}
    assert found == {
        "prod-default": "info",
        "dev-default": "debug",
        "inventory": "error",
        "host-file": "error",
        "group": "error",
        "group-file": "error",
    }


@pytest.mark.parametrize(
    ("play", "options"),
    [
        pytest.param({"vars": {"zddc_server_log_level": "error"}, **include()}, (), id="play"),
        pytest.param(include(vars={"zddc_server_log_level": "error"}), (), id="role"),
        pytest.param(include(), ("-e", "zddc_server_log_level=error"), id="command line"),
    ],
)
def test_the_play_and_the_command_line_win(tmp_path: Path, play: dict[str, Any], options: tuple[str, ...]) -> None:
    run(tmp_path, {"all": {"hosts": {"dev": {"zddc_server_mode": "dev"}}}}, play, *options)
    assert log_level(tmp_path, "dev") == "error"


def test_numbers_and_booleans_of_the_command_line(tmp_path: Path) -> None:
    typed = {
        "zddc_server_replicas": "2",
        "zddc_server_run_as_user": "1000",
        "zddc_server_rollout_timeout": "900",
        "zddc_server_ingress_enabled": "false",
    }
    options = [part for name, value in typed.items() for part in ("-e", f"{name}={value}")]
    run(tmp_path, {"all": {"hosts": {"prod": {}}}}, include(), *options)
    spec = rendered(tmp_path, "prod")["deployment"]["spec"]
    assert spec["replicas"] == 2
    assert spec["progressDeadlineSeconds"] == 900
    assert spec["template"]["spec"]["containers"][0]["securityContext"]["runAsUser"] == 1000
    assert "ingress" not in rendered(tmp_path, "prod")


@pytest.mark.parametrize("mode", ["prod", "dev"])
def test_example(tmp_path: Path, mode: str) -> None:
    example = PROJECT / "examples" / f"{mode}.yml"
    given = yaml.safe_load(example.read_text())
    specs = yaml.safe_load((PROJECT / "roles/zddc_server/meta/argument_specs.yml").read_text())
    assert given.keys() <= specs["argument_specs"]["main"]["options"].keys()
    run(tmp_path, {"all": {"hosts": {"instance": {}}}}, include(), "-e", f"@{example}")
    deployment, ingress = (rendered(tmp_path, "instance")[kind] for kind in ("deployment", "ingress"))
    assert deployment["metadata"]["name"] == f"zddc-server-{mode}"
    assert [rule["host"] for rule in ingress["spec"]["rules"]] == [host["host"] for host in given["zddc_server_ingress_hosts"]]
    assert log_level(tmp_path, "instance") == {"prod": "info", "dev": "debug"}[mode]
