# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An upgrade of prod, which rolls and has no privilege, is not noticed by who asks all the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from faults.archive import NEW


@pytest.mark.parametrize("replicas", [1, 2])
def test_no_request_and_no_line_of_the_audit_log_is_lost(site: Any, note: Callable[..., None], replicas: int) -> None:
    assert site.deploy(replicas=replicas).returncode == 0
    before, old = site.served(), set(site.servers())
    with site.restricted(), site.traffic() as traffic:
        played = site.deploy(replicas=replicas, git_ref=NEW)
    assert (played.returncode, played.message) == (0, "")
    assert (traffic.lost, len(traffic.answered) > played.seconds) == ([], True)
    assert site.served() != before
    new = set(site.servers())
    assert (len(new), new & old) == (replicas, set())
    # A line for each request, from before the roll, while it went on, and from after it.
    lines = site.audited()
    missing = [path for path in traffic.answered if lines.count(path) != 1]
    assert missing == []
    pods = "one pod" if replicas == 1 else f"{replicas} pods"
    note(f"an upgrade of prod under requests, {pods}", "served all the time", traffic, audit_lines_missing=len(missing))
