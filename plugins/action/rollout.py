# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs the module of the same name, and shows its progress while it runs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import IO, Any

from ansible import constants
from ansible.plugins.action.normal import ActionModule as Normal
from ansible.utils.display import Display

# Callbacks that print for programs, or print nothing.
SILENT = ("json", "jsonl", "null")


class ActionModule(Normal):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        if not self._can_show():
            return dict(super().run(tmp, task_vars))
        known, who = task_vars or {}, [str(self._task.args.get("name"))]
        if len(known.get("ansible_play_hosts_all", [])) > 1:
            who.insert(0, str(known["inventory_hostname"]))
        with tempfile.NamedTemporaryFile("r", encoding="utf-8", prefix="rollout-") as file:
            self._task.args["progress"] = file.name
            with shown(file, ": ".join(dict.fromkeys(who))):
                return dict(super().run(tmp, task_vars))

    def _can_show(self) -> bool:
        """Check whether the module writes on this machine, as this user, and its lines may be printed."""
        return (
            self._connection.transport == "local"
            and not self._connection.become
            and not self._task.async_val
            and not self._task.no_log
            and not self._task.args.get("progress")
            and constants.config.get_config_value("DEFAULT_STDOUT_CALLBACK").rpartition(".")[2] not in SILENT
        )


@contextmanager
def shown(file: IO[str], who: str) -> Iterator[None]:
    """Show the lines that are added to a file, on the standard error, which is not buffered."""
    over = Event()

    def show() -> None:
        last = False
        while not last:
            last = over.wait(0.2)
            for line in file:
                Display().display(f"{who}: {line.rstrip()}", stderr=True)

    thread = Thread(target=show)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
