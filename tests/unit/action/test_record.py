# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is noted in the history, as kubernetes.core gets it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.action import record

Object = dict[str, Any]


class Door(record.ActionModule):
    def _execute_module(self, module_name: str | None = None, module_args: Any = None, **_more: Any) -> Object:
        self.calls.append((module_name, module_args, self._task.diff))
        return {"changed": True}

    def _remove_tmp_path(self, tmp_path: Any, force: bool = False) -> None:
        pass


@pytest.mark.parametrize(
    ("told", "noted"),
    [
        ({"result": "served"}, ("served", None)),
        ({"result": "failed", "cause": f"it is so\n{'x' * 600}"}, ("failed", "it is so")),
        ({"result": "failed", "cause": "x" * 600}, ("failed", "x" * 500)),
        ({"result": "failed"}, ("failed", None)),
    ],
)
def test_what_is_noted(told: Object, noted: tuple[str, str | None]) -> None:
    options = {"name": "web-v2", "namespace": "docs", "context": "one", "outage_timeout": 0, **told}
    task = SimpleNamespace(action="varasys.zddc.record", args=options, timeout=0, diff=True)
    connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
    door = Door(task, connection, None, None, None, None)
    door.calls = []
    assert door.run(None, {})["changed"]
    annotations = dict(zip(("varasys.zddc/result", "varasys.zddc/cause"), noted, strict=True))
    metadata = {"name": "web-v2", "namespace": "docs", "annotations": annotations}
    definition = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata}
    asked = {"context": "one", "state": "patched", "definition": [definition]}
    assert door.calls == [("kubernetes.core.k8s", asked, False)]
