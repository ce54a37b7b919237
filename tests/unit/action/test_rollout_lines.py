# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What ansible-playbook shows while rollout waits, and when it shows nothing."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from warm import Warm

ROOT = Path(__file__).resolve().parents[3]
RECORDED = Path(__file__).parents[1] / "recorded/recreate_stubborn_old_pod.json"
OLD = "web-7cc9b8b9df-vmdsl"
LINES = [
    f"web:   0 s  waiting for the old {OLD} to end",
    "web:  11 s  scheduled on a node",
    "web:  13 s  starting zddc-server",
    "web:  13 s  ready",
]


class Ran:
    """A playbook of one task that ran, and what came on its standard error, with the seconds."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.lines: list[tuple[float, str]] = []
        begin = time.monotonic()
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            for line in process.stderr:
                self.lines.append((time.monotonic() - begin, line.rstrip()))
            self.output = process.stdout.read()
        self.code = process.returncode
        self.said = [line for _seconds, line in self.lines]


@pytest.fixture
def recreate(cluster: Any) -> Callable[[], None]:
    """Play a recorded rollout once more, a moment a look. The cluster's clock is that of the record."""
    moments = json.loads(RECORDED.read_text())
    names = ("deployments/web", "replicasets", "pods")
    left: list[Any] = []

    def answer(kind: str) -> Callable[[Any], Any]:
        def give(_query: Any) -> Any:
            if kind == names[0] and len(left) > 1:
                left.pop(0)
            cluster.now = left[0]["now"]
            return left[0]["deployment"] if kind == names[0] else {"items": left[0][kind]}

        return give

    for name in names:
        base = "/api/v1" if name == "pods" else "/apis/apps/v1"
        cluster.answers[f"{base}/namespaces/docs/{name}"] = answer(name)

    def again() -> None:
        left[:] = copy.deepcopy([moments[0], *moments])

    return again


@pytest.fixture(scope="module")
def warm() -> Iterator[Path]:
    """Give an ansible-playbook that does not load Ansible anew."""
    with closing(Warm()) as one:
        yield one.command() / "ansible-playbook"


@pytest.fixture
def ran(
    recreate: Callable[[], None], cluster: Any, kubeconfig_for: Callable[..., str], tmp_path: Path, warm: Path
) -> Callable[..., Ran]:
    """Run the task, with what differs: options of the module, keywords of the task, the environment."""

    def run(
        options: dict[str, Any] | None = None, keywords: dict[str, Any] | None = None, hosts: str = "here,", **more: str
    ) -> Ran:
        recreate()
        path = kubeconfig_for(cluster.address)
        given = {"kubeconfig": path, "name": "web", "namespace": "docs", "interval": 0.1} | (options or {})
        task = {"varasys.zddc.rollout": given, "register": "waited"} | (keywords or {})
        variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        play = {"hosts": "all", "gather_facts": False, "vars": variables, "tasks": [task]}
        (tmp_path / "play.yml").write_text(json.dumps([play]))
        return Ran(
            ["ansible-playbook" if more else str(warm), "-i", hosts, str(tmp_path / "play.yml")],
            {**os.environ, "ANSIBLE_ASYNC_DIR": str(tmp_path), **more},
        )

    return run


def test_the_lines_are_shown(ran: Callable[..., Ran]) -> None:
    one = ran({"interval": 1})
    assert (one.code, one.said) == (0, LINES)
    assert "ok: [here]" in one.output
    # They come while it waits, not all at the end: the record has four looks between the first and the last.
    assert one.lines[-1][0] - one.lines[0][0] > 2


def test_of_several_hosts_each_is_told_from_the_others(ran: Callable[..., Ran]) -> None:
    said = ran(hosts="here,there,", ANSIBLE_FORKS="1").said
    assert f"here: {LINES[0]}" in said and all(line.startswith(("here: web: ", "there: web: ")) for line in said)


@pytest.mark.parametrize(
    ("keywords", "environment"),
    [
        ({}, {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}),
        ({"no_log": True}, {}),
        ({"async": 60, "poll": 1}, {}),
        ({"check_mode": True}, {}),
    ],
    ids=["json", "no_log", "async", "check"],
)
def test_where_no_lines_are_shown(ran: Callable[..., Ran], keywords: dict[str, Any], environment: dict[str, str]) -> None:
    one = ran(keywords=keywords, **environment)
    assert (one.code, one.said) == (0, [])


def test_a_file_of_ones_own(ran: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "lines").write_text("before\n")
    one = ran({"progress": str(tmp_path / "lines"), "stages": {"zddc-server": "starting"}})
    assert (one.code, one.said) == (0, [])
    lines = (tmp_path / "lines").read_text().splitlines()
    assert lines == ["before", *(line.removeprefix("web: ").replace(" zddc-server", "") for line in LINES)]


def test_a_file_that_cannot_be_written(ran: Callable[..., Ran], tmp_path: Path) -> None:
    one = ran({"progress": str(tmp_path / "none/lines")}, ANSIBLE_STDOUT_CALLBACK="ansible.posix.json")
    assert one.code == 2
    (task,) = json.loads(one.output)["plays"][0]["tasks"]
    message = f"progress: {tmp_path}/none/lines cannot be written: No such file or directory. Name another file."
    assert task["hosts"]["here"]["msg"] == message
