# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""No folder of tests is left out of what `make test` runs, and what has a place in their order is there."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest
from order import ORDER

ROOT = Path(__file__).resolve().parents[2]


def test_every_folder_is_run() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "pytest.ini")
    found = {str(path.parent.relative_to(ROOT)) for path in (ROOT / "tests").glob("*/test_*.py")}
    assert set(config["pytest"]["testpaths"].split()) == found


@pytest.mark.parametrize("name", ORDER)
def test_what_has_a_place_in_their_order_is_there(name: str) -> None:
    place, _, scenario = name.partition("[")
    assert (ROOT / "tests" / place).exists()
    assert (ROOT / "molecule" / scenario.rstrip("]")).is_dir()
