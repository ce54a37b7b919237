# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The instance that faults are done to, and those who ask it meanwhile."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import kubernetes
from faults.run import Run
from stage import Site

# The overlays on the node that belong to pods: of their volumes, not of their containers.
OVERLAYS = "grep -E ' /var/lib/kubelet/pods/[^ ]+ overlay ' /proc/1/mounts || true"
OLD, NEW = "zddc-server-v0.0.6", "zddc-server-v0.0.7"


class Archive(Site):
    """The instance, its documents, and its audit log."""

    def documents(self) -> str:
        """Give a checksum over all documents, with their names, modes, owners and times; the server's own folder is none."""
        own = "-path ./.zddc.d -prune -o -path . -o"
        look = f"cd /store; find . {own} -exec stat -c '%n %a %u:%g %s %Y' {{}} + | sort"
        return self.on_node(f"{{ {look}; find . {own} -type f -exec sha256sum {{}} + | sort; }} | sha256sum")

    def audited(self) -> list[str]:
        """Give the paths in the audit log."""
        text = self.on_node("cat /store/.zddc.d/logs/access-*.log")
        return [json.loads(line)["path"] for line in text.splitlines()]

    def run_playbook(self, playbook: str = "deploy", **variables: Any) -> Run:
        """Run a playbook beside the test."""
        return Run(playbook, self.variables(**variables))

    def lease(self) -> list[str]:
        """Give who works on the instance."""
        found = kubernetes.client.CoordinationV1Api(self.core.api_client).list_namespaced_lease(self.namespace)
        return [item.spec.holder_identity for item in found.items]

    @contextmanager
    def traffic(self, interval: float = 0.1, limit: float = 600) -> Iterator[Traffic]:
        """Ask for something all the time, bounded."""
        traffic = Traffic(self.url, interval, limit)
        try:
            yield traffic
        finally:
            traffic.end()


class Traffic:
    """Requests at a steady pace, each for a path of its own, and what came of them."""

    numbers = count()

    def __init__(self, url: str, interval: float, limit: float) -> None:
        self.answered: list[str] = []
        self.lost: list[str] = []
        self._over, self._end = threading.Event(), time.monotonic() + limit
        self._url, self._interval = url, interval
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        while time.monotonic() < self._end and not self._over.wait(self._interval):
            path = f"/asked-{next(self.numbers)}"
            try:
                with urlopen(self._url.rstrip("/") + path, timeout=5):
                    self.answered.append(path)
            except HTTPError as error:
                # No document has that name.
                (self.answered if error.code == 404 else self.lost).append(path if error.code == 404 else f"{path}: {error}")
            except OSError as error:
                self.lost.append(f"{path}: {error}")

    def end(self) -> None:
        """Ask no more."""
        self._over.set()
        self._thread.join()
