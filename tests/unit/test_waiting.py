# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the tests wait."""

from __future__ import annotations

from typing import Any

import pytest
from waiting import until


@pytest.mark.parametrize(
    ("wanted", "seen"), [({}, 1), ({"equals": 2}, 2), ({"accept": lambda number: number > 2}, 3), ({"equals": 0}, 0)]
)
def test_it_looks_until_it_sees_what_is_wanted(wanted: dict[str, Any], seen: int) -> None:
    numbers = iter(range(9))
    assert until(lambda: next(numbers), **wanted) == seen


def test_it_says_what_it_last_saw() -> None:
    with pytest.raises(AssertionError, match=r"^0 s were not enough; last seen: 'Pending'"):
        until(lambda: "Pending", equals="Running", seconds=0)
