# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Rollouts recorded on a real cluster (Kubernetes 1.34.4, kind), without the fields that do not matter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.times import moment
from ansible_collections.varasys.zddc.plugins.module_utils.watch.rollout import Verdict, assess

Snapshot = dict[str, Any]
RECORDED = Path(__file__).parent / "recorded"


def recorded(name: str) -> list[Snapshot]:
    return list(json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8")))


def judge(snapshot: Snapshot, **times: Any) -> Verdict:
    known = {"now": moment(snapshot["now"]), "started": moment(snapshot["started"]), **times}
    return assess(snapshot["deployment"], snapshot["replicasets"], snapshot["pods"], **known)


def course(name: str) -> list[tuple[bool, str]]:
    """Of each recorded moment: done, and the stage or the cause, without the generated part of the pods' names."""
    verdicts = [judge(snapshot) for snapshot in recorded(name)]
    return [(one.done, plain(one.failure.cause if one.failure else one.stage, one)) for one in verdicts]


def plain(text: str, verdict: Verdict) -> str:
    for pod in verdict.pods:
        text = text.replace(pod.name, "NEW" if pod.current else "OLD")
    return text
