# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the tests wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")
UNSET = object()


def until(
    look: Callable[[], Seen], accept: Callable[[Seen], object] = bool, seconds: float = 60, *, equals: object = UNSET
) -> Seen:
    """Look until what is seen is accepted, or equals what is given; give it."""
    end = time.monotonic() + seconds
    while True:
        seen = look()
        if accept(seen) if equals is UNSET else seen == equals:
            return seen
        assert time.monotonic() < end, f"{seconds:.0f} s were not enough; last seen: {seen!r}"
        time.sleep(0.2)
