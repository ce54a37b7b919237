# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Times as the API gives them, and a limit for what may hang."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import FrameType


class OutOfTime(BaseException):
    """No Exception: the client library takes those of a credential plugin for itself."""


def moment(text: str) -> datetime:
    """A time of the API."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Raise OutOfTime after so many seconds, wherever it hangs; in the main thread alone."""

    def alarm(_signal: int, _frame: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, alarm)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
