# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller is killed at any point of a deploy, and the deploy is run again; and two run at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from faults.archive import NEW

POINTS = [
    ("Resolve the ref to a commit", 1, 0.0),
    ("Compare with the cluster", 1, 0.0),
    ("Take the Lease", 1, 0.0),
    ("Compare with the cluster", 2, 0.0),
    ("Build", 1, 0.0),
    ("Build", 1, 2.0),
    ("Apply the objects", 2, 0.5),
    ("Wait until the new revision serves", 1, 0.0),
    ("Wait until the new revision serves", 1, 4.0),
    ("Record that it serves", 1, 0.0),
    ("Release the Lease", 1, 0.0),
]


@pytest.mark.by_hand
@pytest.mark.parametrize(("task", "times", "after"), POINTS)
def test_killed_and_run_again(site: Any, note: Callable[..., None], task: str, times: int, after: float) -> None:
    before = site.served()
    # What is built must be built anew.
    commit = site.push("commit", f"0.1.{POINTS.index((task, times, after))}")
    wanted = {"git_ref": "main", "allow_mutable_ref": True}
    with site.traffic() as traffic:
        run = site.run_playbook(**wanted)
        run.reach(task, times)
        time.sleep(after)
        run.kill()
        between = site.served()
        began = time.monotonic()
        again = site.deploy(**wanted)
        seconds = round(time.monotonic() - began)
    assert between in (before, commit)
    assert (again.returncode, again.message, traffic.lost, site.served()) == (0, "", [], commit)
    assert site.deploy(**wanted).changed == 0
    place = f"{after:g} s into: {task}" if after else f"at: {task}"
    note(f"the controller killed {place} ({times})", f"the next run finished it, in {seconds} s", traffic)


def test_two_at_once(site: Any, note: Callable[..., None]) -> None:
    with site.traffic() as traffic:
        first = site.run_playbook(git_ref=NEW)
        first.reach("Take the Lease")
        second = site.run_playbook(log_level="warn")
        codes = first.end(), second.end()
    assert (codes, first.failures, second.failures, traffic.lost) == ((0, 0), [], [], [])
    environment = {one.name: one.value for one in site.deployment().spec.template.spec.containers[0].env}
    # The one that waited came last, whole.
    assert environment["ZDDC_LOG_LEVEL"] == "warn"
    assert site.deploy(log_level="warn").changed == 0
    assert site.lease() == []
    note("two deploys at once", "the second waited for the first", traffic)
