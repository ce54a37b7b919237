# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the tests wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

Seen = TypeVar("Seen")


def until(look: Callable[[], Seen], wanted: Any = bool, seconds: float = 60) -> Seen:
    """Look until what is seen is what is wanted, or is as a function wants it; give it."""
    end = time.monotonic() + seconds
    while True:
        seen = look()
        if wanted(seen) if callable(wanted) else seen == wanted:
            return seen
        assert time.monotonic() < end, f"{seconds:.0f} s were not enough; last seen: {seen!r}"
        time.sleep(0.2)
