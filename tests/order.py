# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What runs beside what, and in which order."""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScopeScheduling

ORDER = (
    # What has tests that run alone, while nothing long runs that they would wait for.
    "cluster", "rollout/test_failing.py", "rollout/test_first_request.py", "inputs", "overlay",
    # What takes long, the longest first: what is short fills the end, when some have nothing left to do.
    "deploy", "build", "private", "faults", "collection", "scenarios[dev]", "scenarios", "migrate",
    "fixtures", "demo", "rollout", "golden", "unit/files", "unit/compare", "unit/action", "unit/watch",
    "unit/source",
)  # fmt: skip


class ByFolder(LoadScopeScheduling):
    """What shares a folder shares a namespace, and runs in one process; a scenario has one of its own, as a file of rollout."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        folder = file.rpartition("/")[0]
        if folder.endswith("scenarios"):
            return folder + test[test.index("[") :]
        return file if folder.endswith("rollout") else folder

    def _assign_work_unit(self, node: Any) -> None:
        places = {scope: [scope.startswith(f"tests/{one}") for one in ORDER] for scope in self.workqueue}
        self.workqueue.move_to_end(max(places, key=places.__getitem__), last=False)
        super()._assign_work_unit(node)

    def _reschedule(self, node: Any) -> None:
        # No more ahead than the one test that a process must know to end the one before it.
        if not self.workqueue or self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)
