# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is said of each host of a play."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.action.hosts import row

PLAN = {"instance": "archive in namespace docs of the cluster at https://10.0.0.5:6443", "work": True}
CHECKED = {"instance": {"options": {"name": "archive", "namespace": "docs"}}}


@pytest.mark.parametrize(
    ("facts", "well", "result"),
    [
        ({"plan": PLAN}, True, "would be changed"),
        ({"plan": {**PLAN, "work": False}}, True, "would stay unchanged"),
        ({"plan": PLAN, "checked": CHECKED, "said": {"msg": "archive in namespace docs is stopped."}}, True, "is stopped."),
        ({"plan": PLAN, "checked": CHECKED}, False, "failed: see above"),
        ({"plan": PLAN, "failure": {"message": "pod one: it failed\nlog"}}, False, "failed: pod one: it failed"),
        ({"plan": {"msg": "one\nNothing was changed."}}, False, "failed: one"),
        ({"plan": {"msg": "2 problems:\n- one\n- two\nNothing was changed."}}, False, "failed: one"),
        ({"checked": {"msg": "Nothing was changed. Fix this and run again:\n- one\n- two"}}, False, "failed: one"),
        ({"checked": CHECKED, "source": {"msg": "no such ref"}}, False, "failed: no such ref"),
    ],
)
def test_how_a_host_fared(facts: dict[str, Any], well: bool, result: str) -> None:
    told = row("one", {f"__zddc_server_{name}": value for name, value in facts.items()}, well)
    assert told == {"host": "one", "instance": facts.get("plan", {}).get("instance", ""), "result": result}
