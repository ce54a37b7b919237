# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A module gives the same in a fork of the controller, as the tests run most of them, as in a Python of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# It fails, or warns and says where it ran.
MODULE = """
import os, sys
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule({"how": {}, "secret": {"no_log": True}})
if module.params["how"] == "raise":
    raise ValueError("raised")
module.warn("warned")
os.write(2, b"stray")
module.exit_json(forked="ansible.constants" in sys.modules, said=module.params["secret"], variable=os.environ.get("VARIABLE"))
"""
TASKS = [
    {"of.tests.look": {"how": "well", "secret": "s3cr3t"}},
    {"of.tests.look": {"how": "raise"}},
    {"of.tests.look": {"how": "well", "none": 1}},
    {"of.tests.look": {"how": "well"}, "environment": {"VARIABLE": "set"}},
    {"ansible.builtin.command": "sleep 9", "timeout": 1},
    {"ansible.builtin.command": "sh -c 'cat; echo out; echo err >&2; exit 3'"},
    {"kubernetes.core.k8s_info": {"kind": "Pod", "host": "http://127.0.0.1:1"}},
]
# What differs from run to run.
OWN = {"forked", "timedout", "start", "end", "delta", "exception", "module_stderr"}


@pytest.fixture(name="results")
def results_fixture(tmp_path: Path, play: Callable[..., Any]) -> Callable[..., list[dict[str, Any]]]:
    """Give the function that plays the tasks and gives their results."""
    module = tmp_path / "ansible_collections/of/tests/plugins/modules/look.py"
    module.parent.mkdir(parents=True)
    module.write_text(f"#!/usr/bin/python\n{MODULE}")
    variables = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    tasks = [{**task, "ignore_errors": True} for task in TASKS]
    book = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables, "tasks": tasks}]
    (tmp_path / "play.yml").write_text(json.dumps(book))

    def results(**environment: str) -> list[dict[str, Any]]:
        played = play(tmp_path / "play.yml", ANSIBLE_COLLECTIONS_PATH=str(tmp_path), **environment)
        report, _end = json.JSONDecoder().raw_decode(played.output, played.output.index("{\n"))
        return [task["hosts"]["localhost"] for task in report["plays"][0]["tasks"]]

    return results


def test_it_comes_to_the_same(results: Callable[..., list[dict[str, Any]]]) -> None:
    forked, alone = results(), results(ANSIBLE_CONNECTION_PLUGINS="none", ANSIBLE_PIPELINING="false")
    plain = [[{key: value for key, value in one.items() if key not in OWN} for one in ran] for ran in (forked, alone)]
    assert plain[0] == plain[1]
    assert [one["forked"] for one in (forked[0], forked[3], alone[0])] == [True, False, False]
    assert [one.get("failed", False) for one in forked] == [False, True, True, False, True, True, True]
