# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Measures the role beside upstream's charts on the kind cluster zddc, and writes docs/bench.json. `make bench` runs it."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import signal
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import kubernetes
import yaml
from fleet import Fleet
from side import PATIENCE, ROOT, VARS_FILE, Bench, Helm, Watch, ansible_playbook, build_seconds, evidence, helm_program, prepare

RESULTS = ROOT / "docs/bench.json"
EMPTY = "- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks: []\n"
KUBELET = (
    "the kubelet looks once a second whether an init container has ended; the rest is the end of the old pod and the start of "
    "the new one"
)
PYTHON = (
    "it is Python that takes the time: a process for each task of each instance, and the rendering of what the instance should be"
)
WAITS = (
    "the play resolves and compares before it applies, ends when the pod has been Ready for 2 s, and notes that in the history; "
    "it is that which takes longer, not the build"
)

NOTES = [
    "A cold build has an empty cache, a warm one that of the commit before. The chart has none, and builds everything at each "
    "start.",
    "A node takes 110 pods, so the 100 and 300 instances are scaled to none, as an autoscaler would do it: the role leaves "
    "`replicas` to it. Helm's figure beside them is that of one release.",
    "After each upgrade of the dev chart its release was removed, and the mount that its pod leaves on the node.",
]


@dataclass(frozen=True)
class Row:
    """A row of the table. What is compared with the limit: `here`, or its ratio to `base`."""

    what: str
    here: str
    limit: float | None
    target: str
    chart: str = ""
    """A series, or why there is none."""
    base: str = ""
    worst: bool = False
    """Whether the worst round counts, and not the median."""
    unit: str = "s"
    reason: str = ""
    """Why it falls short, where it does."""


ROWS = [
    Row("dev upgrade to a new commit under Recreate: without service", "recreate", 2.5, "2.5 s or less", "chart: recreate",
        reason=KUBELET),
    Row("the same, dev set to roll", "roll", 0, "0", "cannot: its strategy is fixed", worst=True),
    Row("a commit that does not compile: without service", "broken", 0, "0", "cannot: the old pod goes before the compiler runs",
        worst=True),
    Row("the same: from the compiler's end to the play's", "told", 5, "5 s or less", "cannot: says nothing", worst=True),
    Row("pod deleted, same commit: until Ready", "pod", 3, "3 s or less", "chart: pod", reason=KUBELET),
    Row("build of the next commit, cache warm", "warm build", 0.3, "0.3 of the cold build or less", "chart: build",
        base="cold build"),
    Row("first prod deploy, nothing cached", "first", 1, "not slower than the chart", "chart: first", base="chart: first",
        reason=WAITS),
    Row("the same, with an empty build cache", "first, cache", None, "", "chart: first", base="chart: first"),
    Row("deploy that changes nothing", "nothing", 3, "3 times an empty playbook or less", "chart: nothing", base="empty playbook",
        reason=PYTHON),
    Row("the same: objects touched", "touched", 0, "0", "chart: touched", worst=True, unit=""),
    Row("100 instances in one play, nothing to change: each", "100", 2, "twice one `helm upgrade` or less", "chart: nothing",
        base="chart: nothing", reason=PYTHON),
    Row("the same: memory of the controller", "100: memory", 500, "below 500 MiB", worst=True, unit="MiB"),
    Row("the same: objects touched", "100: touched", 0, "0", worst=True, unit=""),
    Row("300 instances: each", "300", 1.2, "within 20% of 100's", "chart: nothing", base="100"),
    Row("the same: memory of the controller", "300: memory", None, "", worst=True, unit="MiB"),
    Row("the same: objects touched", "300: touched", 0, "0", worst=True, unit=""),
]  # fmt: skip


class Rounds:
    """What is measured, a method each; it notes samples by series."""

    def __init__(self, bench: Bench, helm: Helm, home: Path) -> None:
        self.bench, self.helm, self.home = bench, helm, home
        self.samples: dict[str, list[float]] = {}
        self.fleet = Fleet(bench, home)
        self._release, self._begin = 0, time.monotonic()

    def say(self, text: str) -> None:
        """Say what is going on."""
        print(f"{time.monotonic() - self._begin:6.0f} s  {text}", flush=True)

    def note(self, series: str, value: float) -> None:
        """Note a sample."""
        self.samples.setdefault(series, []).append(round(value, 3))
        self.say(f"{series}: {value:.2f}")

    def commit(self) -> str:
        """Push a commit that compiles, and give its hash."""
        self._release += 1
        return self.bench.push("commit", f"1.0.{self._release}")

    def first(self, number: int) -> None:
        """A first deploy of prod with nothing cached, beside `helm install --wait`."""
        bench, helm = self.bench, self.helm

        def ours() -> None:
            bench.fresh("prod")
            self.note("first", bench.ours("prod", build_cache="none").seconds)

        def chart() -> None:
            helm.uninstall("prod")
            self.note("chart: first", helm.release("install", "prod", "--wait"))
            (pod,) = bench.serving("chart-prod")
            self.note("chart: build", build_seconds(pod))

        # Who comes second may find more in the node's memory.
        for side in (ours, chart) if number % 2 else (chart, ours):
            side()

    def build(self, _number: int) -> None:
        """A build with an empty cache, and that of the next commit."""
        bench = self.bench
        bench.fresh("prod")
        self.note("first, cache", bench.ours("prod").seconds)
        self.note("cold build", build_seconds(bench.last_build("zddc-server-prod")))
        self.commit()
        bench.ours("prod", git_ref="main")
        self.note("warm build", build_seconds(bench.last_build("zddc-server-prod")))

    def pod(self, _number: int) -> None:
        """A pod that is deleted."""
        self.both()
        self.note("pod", self.bench.replaced("zddc-server-prod"))
        self.note("chart: pod", self.bench.replaced("chart-prod"))

    def nothing(self, _number: int) -> None:
        """A deploy that changes nothing, beside an empty playbook, and an upgrade that changes nothing."""
        self.both()
        bench, empty = self.bench, self.home / "empty.yml"
        empty.write_text(EMPTY)
        before = bench.quiet()
        self.note("empty playbook", ansible_playbook(empty).seconds)
        self.note("nothing", bench.ours("prod", git_ref="main").seconds)
        self.note("touched", bench.touched(before))
        before = bench.quiet()
        self.note("chart: nothing", self.helm.release("upgrade", "prod"))
        self.note("chart: touched", bench.touched(before))

    def both(self) -> None:
        """See to it that both sides run prod, as the rows above leave it."""
        self.bench.ours("prod", git_ref="main")
        if not self.helm.installed("prod"):
            self.helm.release("install", "prod", "--wait")

    def upgrade(self, series: str, strategy: str) -> None:
        """Upgrade dev to a new commit while it is asked all the time."""
        self.bench.ours("dev", strategy=strategy)
        commit = self.commit()
        with Watch(self.bench.address("dev")) as watch:
            self.bench.ours("dev", strategy=strategy)
        assert watch.commit == commit
        self.note(series, watch.down)

    def recreate(self, _number: int) -> None:
        """Dev under Recreate."""
        self.upgrade("recreate", "Recreate")

    def roll(self, _number: int) -> None:
        """Dev set to roll."""
        self.upgrade("roll", "RollingUpdate")

    def broken(self, _number: int) -> None:
        """A commit that does not compile."""
        bench = self.bench
        bench.ours("dev")
        bench.push("break", "compile")
        with Watch(bench.address("dev")) as watch:
            played = bench.play_ours("dev")
            end = datetime.now(UTC)
        assert played.returncode == 2 and "broken.go" in played.message, played.end or played.output
        self.note("broken", watch.down)
        self.note("told", (end - bench.last_line(bench.last_build("zddc-server-dev"))).total_seconds())
        self.commit()

    def chart(self, _number: int) -> None:
        """The dev chart to a new commit; its pod leaves a mount on the node that is taken away afterwards."""
        # A run that was killed may have left one.
        self.helm.uninstall("dev")
        self.helm.release("install", "dev", "--wait")
        commit = self.commit()
        with Watch(self.bench.address("chart-dev")) as watch:
            self.helm.release("upgrade", "dev")
            self.bench.until(lambda: watch.commit == commit or watch.down >= PATIENCE, seconds=300)
            down = min(watch.down, PATIENCE)
        self.note("chart: recreate", down)
        self.helm.uninstall("dev")

    def hundred(self, _number: int) -> None:
        """100 instances in one play."""
        self.many(100)

    def three_hundred(self, _number: int) -> None:
        """300 instances in one play."""
        self.many(300)

    def many(self, count: int) -> None:
        """Deploy many instances in which there is nothing to change."""
        self.say(f"{self.fleet.make(count)} instances more for those of {count}")
        before = self.bench.quiet()
        seconds, peak = self.fleet.deploy(count)
        self.note(f"{count}", seconds / count)
        self.note(f"{count}: memory", peak)
        self.note(f"{count}: touched", self.bench.touched(before))


Measure = Callable[[Rounds, int], None]
# Round by round; and then the many, whose mere presence the others shall not feel.
PARTS: list[dict[str, Measure]] = [
    {
        "first": Rounds.first, "build": Rounds.build, "pod": Rounds.pod, "nothing": Rounds.nothing, "recreate": Rounds.recreate,
        "roll": Rounds.roll, "broken": Rounds.broken, "chart": Rounds.chart,
    },
    {"100": Rounds.hundred, "300": Rounds.three_hundred},
]  # fmt: skip
NAMES = [name for part in PARTS for name in part]


def judged(row: Row, samples: dict[str, list[float]]) -> dict[str, Any] | None:
    """Give a row with its figures, if it was measured."""
    if row.here not in samples or (row.base and row.base not in samples):
        return None
    middle = {series: statistics.median(values) for series, values in samples.items()}
    figure = max(samples[row.here]) if row.worst else middle[row.here]
    ratio = round(figure / middle[row.base], 3) if row.base else None
    reached = None if row.limit is None else (figure if ratio is None else ratio) <= row.limit
    shown = asdict(row) | {"median": round(middle[row.here], 3), "samples": samples[row.here], "ratio": ratio, "reached": reached}
    if row.chart in samples:
        chart = middle[row.chart]
        of_chart = round(middle[row.here] / chart, 3) if chart else None
        shown |= {"chart_median": round(chart, 3), "chart_samples": samples[row.chart], "of_chart": of_chart}
    if row.base:
        shown |= {"base_median": round(middle[row.base], 3), "base_samples": samples[row.base]}
    # A row without a reason was never seen to fall short.
    return shown | {"reason": (row.reason or "not known yet") if reached is False else ""}


def machine(bench: Bench, helm: Helm) -> dict[str, Any]:
    """Say what it was measured on."""
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory.split()[1]) / 2**20),
        "kernel": platform.release().partition("-")[0],
        "kubernetes": kubernetes.client.VersionApi(bench.core.api_client).get_code().git_version,
        "helm": helm.version,
        "ansible-core": version("ansible-core"),
        "python": platform.python_version(),
    }


def clean(bench: Bench, helm: Helm, rounds: Rounds) -> None:
    """Take away all that was made, whatever there is of it."""
    with ExitStack() as every:
        every.callback(prepare, "destroy")
        for mode in ("prod", "dev"):
            every.callback(bench.remove_volume, f"{bench.namespace}-zddc-server-{mode}-build-cache")
            every.callback(bench.ours, mode, "remove")
            every.callback(helm.uninstall, mode)
        every.callback(rounds.fleet.remove)


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", choices=NAMES, help="measure only this; docs/bench.json is left as it is")
    parser.add_argument("--keep", action="store_true", help="leave the namespace, for another run")
    options = parser.parse_args()
    # Whatever ends it, what it made is taken away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    prepare("create")
    bench = Bench(yaml.safe_load(VARS_FILE.read_text()))
    with tempfile.TemporaryDirectory() as folder:
        helm = Helm(helm_program(), bench, Path(folder))
        rounds = Rounds(bench, helm, Path(folder))
        try:
            bench.share_documents()
            for mode in ("prod", "dev"):
                bench.fresh(mode)
            for part in PARTS:
                for number, (name, measure) in itertools.product(range(options.rounds), part.items()):
                    if not options.only or name in options.only:
                        rounds.say(f"round {number + 1} of {options.rounds}: {name}")
                        measure(rounds, number)
        except Exception:
            traceback.print_exc()
            with suppress(kubernetes.client.ApiException):
                print(evidence(bench.namespace), file=sys.stderr)
            return 1
        finally:
            if not options.keep:
                clean(bench, helm, rounds)
            rounds.say("the end")
        results = {
            "date": datetime.now(UTC).date().isoformat(),
            "rounds": options.rounds,
            "machine": machine(bench, helm),
            "watched": PATIENCE,
            "notes": NOTES,
            "rows": [shown for row in ROWS if (shown := judged(row, rounds.samples))],
            "samples": rounds.samples,
        }
    text = json.dumps(results, indent=2) + "\n"
    if options.only:
        print(text)
    else:
        RESULTS.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
