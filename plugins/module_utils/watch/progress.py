# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Report the progress of a rollout from its verdicts, one line per stage."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Api, path_of
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.times import moment
from ansible_collections.varasys.zddc.plugins.module_utils.watch.evidence import NO_LOG, shown
from ansible_collections.varasys.zddc.plugins.module_utils.watch.pods import Pod, condition, containers
from ansible_collections.varasys.zddc.plugins.module_utils.watch.rollout import Verdict

AGAIN = timedelta(seconds=10)
"""How often a stage that lasts is reported again, if there is news."""
SILENCE = timedelta(seconds=3)
"""How long to wait for a container's first log line, which may name its stage."""
HEAD = 4000
"""Bytes at the beginning of a log in which a container names its stages."""
SAID = re.compile(r"^(\S+?)(?:\.\d+)?(Z|[+-]\d\d:\d\d) ([\w.-]+): ", re.MULTILINE)


class Step(NamedTuple):
    """A stage that a pod has begun, identified by its key."""

    since: datetime
    key: str
    words: str


class Progress:
    """Reports each stage of a rollout once, in order, with the seconds since the first check.

    A stage has the words that are given for a container's name. A container that runs several stages names each in its
    log, by a line that begins with such a name and a colon.
    """

    def __init__(self, api: Api, namespace: str, stages: dict[str, str], write: Callable[[str], None]) -> None:
        self.api = api
        self.base = path_of("namespaces", namespace, "pods")
        self.stages = stages
        self.write = write
        self.begun = False
        self.started = self.news_at = api.now
        self.seconds = 0
        self.told: set[str] = set()
        self.known: set[str] = set()
        """The uids of the pods whose stages were reported."""
        self.said: dict[tuple[str, Step], list[Step]] = {}
        """The stages that a container named in its log, by pod and start."""
        self.news = ""

    def look(self, verdict: Verdict) -> None:
        """Report what is new since the last check."""
        fresh = [pod for pod in verdict.pods if pod.current and pod.alive]
        if not self.begun:
            self.begun = True
            self.started = self.news_at = self.api.now
            before = self.started - AGAIN
            self.leave_out([pod for pod in fresh if pod.ready and (verdict.done or ready_since(pod) < before)])
        self.tell_pods(verdict, fresh)
        self.tell_old(verdict, fresh)
        if behind := [pod for pod in fresh if not pod.ready]:
            self.tell_news(max(behind, key=lambda pod: pod.rank))

    def tell_away(self, error: ApiError) -> None:
        """Report that the wait is for the cluster itself."""
        self.write(f"{self.seconds:3d} s  the cluster {error.what}: waiting for it")

    def leave_out(self, pods: list[Pod]) -> None:
        """Mark the stages of pods that served before the first check as reported."""
        self.told.update(step.key for pod in pods for step in self.steps(pod))
        self.told.update(f"ready {number}" for number, _pod in enumerate(pods, start=1))

    def tell(self, since: datetime, key: str, words: str) -> None:
        if key not in self.told:
            self.told.add(key)
            self.line(since, words)
            self.news, self.news_at = "", self.api.now

    def line(self, since: datetime, words: str) -> None:
        # The clocks of nodes differ: no line is earlier than the one before.
        self.seconds = max(self.seconds, round((min(since, self.api.now) - self.started).total_seconds()))
        self.write(f"{self.seconds:3d} s  {words}")

    def tell_pods(self, verdict: Verdict, fresh: list[Pod]) -> None:
        """Report a stage when the first pod reaches it, and each pod when it is ready."""
        if fresh and self.known and self.known.isdisjoint(pod.uid for pod in fresh):
            self.told = {key for key in self.told if key.startswith("old")}
            self.line(self.api.now, f"the new pod is gone, {fresh[0].name} replaces it")
        self.known.update(pod.uid for pod in fresh)
        first: dict[str, Step] = {}
        for step in (step for pod in fresh for step in self.steps(pod)):
            first[step.key] = min(step, first.get(step.key, step))
        for step in first.values():
            self.tell(*step)
        wanted = verdict.replicas.get("wanted", 1)
        for number, since in enumerate(sorted(ready_since(pod) for pod in fresh if pod.ready), start=1):
            self.tell(since, f"ready {number}", "ready" if wanted == 1 else f"ready, {number} of {wanted}")

    def tell_old(self, verdict: Verdict, fresh: list[Pod]) -> None:
        """Report the wait for old pods: before there is a new one, or after all new ones are ready."""
        old = [pod for pod in verdict.pods if pod.running and not pod.current]
        ending = ", ".join(pod.name for pod in old if not pod.alive)
        if ending and not fresh:
            self.tell(self.api.now, "old first", f"waiting for the old {ending} to end")
        elif ending and all(pod.ready for pod in fresh) and len(fresh) == verdict.replicas.get("wanted"):
            self.tell(self.api.now, "old last", f"waiting for the old {ending} to end")
        elif not old and "old last" in self.told:
            self.tell(self.api.now, "old gone", "only the new revision runs")

    def tell_news(self, pod: Pod) -> None:
        """Report why a stage lasts: the last line of a container that works, or the event that says what is wrong."""
        if self.api.now - self.news_at < AGAIN:
            return
        self.news_at = self.api.now
        news = self.last_line(pod) if pod.working else pod.hint
        if news and news != self.news:
            self.news = news
            self.line(self.api.now, f"{(pod.working and self.stages.get(pod.container)) or pod.doing}: {news}")

    def last_line(self, pod: Pod) -> str:
        lines, _left_out = shown(self.log(pod, pod.container, tailLines=1) or "", init=True)
        line = lines[-1].removeprefix(f"{pod.container}: ") if lines else ""
        # An indented line continues an earlier one and says nothing on its own.
        return "" if line[:1].isspace() else line.strip()[:200]

    def steps(self, pod: Pod) -> list[Step]:
        """Return the stages that a pod has begun, in order."""
        scheduled = condition(pod.seen, "PodScheduled")
        if scheduled.get("status") != "True":
            return []
        node = pod.seen["spec"].get("nodeName", "a node")
        steps = [Step(moment(scheduled["lastTransitionTime"]), "scheduled", f"scheduled on {node}")]
        every = list(containers(pod.seen))
        order, own = list(self.stages), {name for name, *_rest in every}
        for name, init, one in every:
            state = one.get("state", {})
            if start := (state.get("running") or state.get("terminated") or {}).get("startedAt"):
                usual = f"{'running' if init else 'starting'} {name}"
                step = Step(moment(start), name, self.stages.get(name, usual))
                # It may also run the earlier stages that have no container in this pod.
                others = set(order[: order.index(name)]) - own if name in order else set()
                steps += self.ask(pod, step, others) if others else [step]
        return steps

    def ask(self, pod: Pod, own: Step, others: set[str]) -> list[Step]:
        """Return the stages that a container names at the beginning of its log, or its own stage if it names none."""
        if known := self.said.get((pod.uid, own)):
            return known
        text = self.log(pod, own.key, limitBytes=HEAD, timestamps="true")
        found = [(moment(time + zone), name) for time, zone, name in SAID.findall(text or "")]
        steps = [Step(since, name, self.stages[name]) for since, name in found if name in others]
        own_since = [since for since, name in found if name == own.key]
        if steps and (own_since or pod.ready):
            steps.append(own._replace(since=own_since[0] if own_since else ready_since(pod)))
        elif not steps and (text != "" or pod.ready or self.api.now - own.since >= SILENCE):
            steps = [own]
        if steps and steps[-1].key == own.key:
            self.said[pod.uid, own] = steps
        return steps

    def log(self, pod: Pod, container: str, **query: Any) -> str | None:
        """Return a part of a log, or None if it cannot be read, which is no problem here."""
        usual, self.api.timeout = (self.api.timeout, self.api.patience), min(self.api.timeout, 2)
        self.api.patience = 0
        try:
            text = self.api.read(f"{self.base}/{pod.name}/log", container=container, **query)
        except ApiError:
            return None
        finally:
            self.api.timeout, self.api.patience = usual
        return "" if NO_LOG.fullmatch(text) else text


def ready_since(pod: Pod) -> datetime:
    return moment(condition(pod.seen, "Ready")["lastTransitionTime"])
