# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Times of the API, and a time limit for code that may hang."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import FrameType


class OutOfTime(BaseException):
    """Not an Exception, because the client library catches those while a credential plugin runs."""


def moment(text: str) -> datetime:
    """Return a time of the API as a datetime."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Raise OutOfTime after this many seconds, wherever the code hangs; works only in the main thread."""

    def alarm(_signal: int, _frame: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, alarm)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
