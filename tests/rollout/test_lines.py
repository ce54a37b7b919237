# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lines of a rollout: one a stage, in order, with seconds that do not go back."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

STAGES = {"build": "building", "mount": "mounting", "web": "starting"}
BUILD = {"name": "build", "command": ["sh", "-c", "echo build: one; sleep 18; echo build: two"]}
SERVE = "echo mount: it; sleep 2; echo web: it; mkdir /www; touch /www/index.html; exec httpd -f -p 8080 -h /www"
BEGUN = ["scheduled on NODE", "building"]
UP = [*BEGUN, "building: one", "mounting", "starting", "ready"]
STRATEGIES = {
    "Recreate": ["waiting for the old POD to end", *UP],
    "RollingUpdate": [*UP, "waiting for the old POD to end", "only the new revision runs"],
}


def words(lines: list[str]) -> list[str]:
    """Give the words, without the names that the cluster makes up; the seconds do not go back."""
    seconds, said = zip(*(line.split(" s  ") for line in lines), strict=True)
    assert list(map(int, seconds)) == sorted(map(int, seconds))
    text = re.sub(r"\bweb[0-9]+-[a-z0-9]{6,10}-[a-z0-9]{5}\b", "POD", "\n".join(said))
    return re.sub(r"(?<=scheduled on )\S+", "NODE", text).splitlines()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_rollout(shop: Any, name: str, wait: Callable[..., Any], strategy: str) -> None:
    # The old pod ends some seconds after it is asked to.
    shop.deploy(name, spec={"strategy": {"type": strategy}})
    wait()
    pod = {"initContainers": [{"image": shop.image, **BUILD}], "terminationGracePeriodSeconds": 1}
    shop.deploy(name, command=SERVE, pod=pod, spec={"strategy": {"type": strategy}})
    assert words(wait(stages=STAGES).lines) == STRATEGIES[strategy]
    assert wait(stages=STAGES).lines == []


def test_several_pods(shop: Any, name: str, wait: Callable[..., Any]) -> None:
    spec = {"replicas": 2, "strategy": {"type": "Recreate"}, "minReadySeconds": 2}
    shop.deploy(name, spec=spec)
    waited = wait(stages={"web": "starting"})
    assert not waited.result.get("failed"), waited.result["msg"]
    assert words(waited.lines) == ["scheduled on NODE", "starting", "ready, 1 of 2", "ready, 2 of 2"]
