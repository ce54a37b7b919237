# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The argument specs against the defaults, names and values, both ways."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).parent.parent.parent / "roles"
ZDDC_SERVER = ROLES / "zddc_server"
OF_THE_MODE = re.compile(r"^\{\{ __zddc_server_set\.(\w+) \}\}$")


@cache
def load(path: Path) -> dict[str, Any]:
    """Read a file of variables."""
    return yaml.safe_load(path.read_text())


def options(role: str) -> dict[str, Any]:
    """Give the variables of a role, all entry points together; what is given with -e alone has no prefix."""
    entries = load(ROLES / role / "meta/argument_specs.yml")["argument_specs"].values()
    return {name: option for entry in entries for name, option in entry["options"].items() if name.startswith(f"{role}_")}


NULLABLE = ["zddc_server_cors_origins"]
DEFAULTS = load(ZDDC_SERVER / "defaults/main.yml")
SETS = {mode: load(ZDDC_SERVER / f"vars/{mode}.yml") for mode in ("prod", "dev")}


@pytest.mark.parametrize("role", sorted(path.name for path in ROLES.iterdir()))
def test_names(role: str) -> None:
    defaults = load(ROLES / role / "defaults/main.yml")
    assert options(role).keys() == defaults.keys()


def test_every_entry_point_is_documented() -> None:
    playbooks = (ROLES.parent / "playbooks").glob("*.yml")
    used = {found for path in playbooks for found in re.findall(r"__zddc_server_verb: (\w+)", path.read_text())}
    assert load(ZDDC_SERVER / "meta/argument_specs.yml")["argument_specs"].keys() == used


@pytest.mark.parametrize("role", sorted(path.name for path in ROLES.iterdir()))
def test_every_default_has_a_comment(role: str) -> None:
    text = (ROLES / role / "defaults/main.yml").read_text()
    # A comment holds for the lines that follow it without a break, as for an image and its pull policy.
    blocks = re.split(r"\n(?=#)", text)
    for name in load(ROLES / role / "defaults/main.yml"):
        block = next(block for block in blocks if re.search(rf"^{name}:", block, re.MULTILINE))
        assert block.startswith("#"), name


@pytest.mark.parametrize("name", [name for name, value in DEFAULTS.items() if not OF_THE_MODE.match(str(value))])
def test_value(name: str) -> None:
    option = options("zddc_server")[name]
    if name in NULLABLE:
        # Ansible refuses null where the specs have a default.
        assert "default" not in option and "Default: an empty list." in option["description"] and DEFAULTS[name] == []
    else:
        assert option["default"] == DEFAULTS[name]


@pytest.mark.parametrize("name", [name for name, value in DEFAULTS.items() if OF_THE_MODE.match(str(value))])
def test_value_of_each_mode(name: str) -> None:
    option = options("zddc_server")[name]
    assert "default" not in option, "the specs have one default, a mode's set another"
    match = OF_THE_MODE.match(DEFAULTS[name])
    assert match
    assert match.group(1) == name
    said = option["description"]
    for mode, values in SETS.items():
        value = values[match.group(1)]
        if name == "zddc_server_probes":
            assert f"{value['liveness']['periodSeconds']} s" in said
            assert f"{value['readiness']['periodSeconds']} s" in said
            # The kubelet starts the server anew at the last of the failures in a row.
            liveness = value["liveness"]
            begin = liveness["initialDelaySeconds"] + liveness["periodSeconds"] * (liveness["failureThreshold"] - 1)
            assert begin == 120 and "2 minutes to start" in said
        else:
            assert f"V({str(value).lower() if isinstance(value, bool) else value}) in {mode}" in said


def test_the_sets_have_the_same_names() -> None:
    assert SETS["prod"].keys() == SETS["dev"].keys()
    used = {match.group(1) for value in DEFAULTS.values() if (match := OF_THE_MODE.match(str(value)))}
    assert used == {name for name in SETS["prod"] if not name.startswith("__")}


def test_the_modes_are_those_with_a_set() -> None:
    modes = options("zddc_server")["zddc_server_mode"]["choices"]
    assert modes == list(SETS)
    assert {path.stem for path in (ZDDC_SERVER / "vars").iterdir()} == {"main", *modes}
