# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cluster's API goes away in the middle of a deploy: for a while, and for good."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from faults.archive import NEW
from faults.run import Door

SECONDS = 20
POINTS = [
    ("Take the Lease", 1),
    ("Compare with the cluster", 2),
    ("Apply the objects", 1),
    ("Build", 1),
    ("Apply the objects", 2),
    ("Wait until the new revision serves", 1),
    ("Record that it serves", 1),
    ("Release the Lease", 1),
]
IN_CI = [("Apply the objects", 2, False)]
CASES = [
    pytest.param(*case, marks=() if case in IN_CI else pytest.mark.by_hand)
    for case in ((task, times, hangs) for task, times in POINTS for hangs in (False, True))
]


@pytest.mark.parametrize(("task", "times", "hangs"), CASES)
def test_for_a_while(site: Any, doors: tuple[Door, str], note: Callable[..., None], task: str, times: int, hangs: bool) -> None:
    door, kubeconfig = doors
    before = site.served()
    with site.traffic() as traffic:
        run = site.run_playbook(kubeconfig=kubeconfig, git_ref=NEW)
        run.reach(task, times)
        with door.shut(hangs):
            time.sleep(SECONDS)
        code = run.end()
    assert (code, run.failures, traffic.lost) == (0, [], [])
    assert site.served() != before
    # The run after it finds nothing to do. A Lease that could not be given back ends by itself.
    assert site.deploy(git_ref=NEW).changed == 0
    how = "does not answer" if hangs else "refuses connections"
    note(f"the API {how} for {SECONDS} s at: {task} ({times})", "the deploy went on and succeeded", traffic)


@pytest.mark.parametrize("task", [pytest.param("Build", marks=pytest.mark.by_hand), "Wait until the new revision serves"])
def test_for_good(site: Any, doors: tuple[Door, str], note: Callable[..., None], task: str) -> None:
    door, kubeconfig = doors
    address = f"https://127.0.0.1:{door.port}"
    with site.traffic() as traffic:
        run = site.run_playbook(kubeconfig=kubeconfig, git_ref=NEW, outage_timeout=4)
        run.reach(task)
        with door.shut():
            code = run.end()
    assert (code, traffic.lost) == (2, [])
    refused = f"the cluster at {address} refuses the connection: nothing listens there"
    if task == "Build":
        (message,) = run.failures
        assert message.startswith(f"Job {site.name}-build-") and refused in message
        assert message.endswith("Start it, or choose another. The instance was not changed: what served before still serves.")
    else:
        assert run.failures[0].startswith(f"Deployment {site.name} in namespace {site.namespace}: {refused}, after ")
        assert run.failures[1:] == [
            "The cluster no longer answers. Waited 4 s for it (zddc_server_outage_timeout). What was applied stays, and the "
            "cluster decides what serves. Run this again when the cluster answers: it continues from there."
        ]
    again = site.deploy(git_ref=NEW)
    assert (again.returncode, again.message) == (0, "")
    note(f"the API goes for good at: {task}", "said so; the next run went on", traffic)
