# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A playbook that runs beside a test, and a way to the cluster's API that a test can shut."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def descendants(pid: int) -> list[int]:
    """Give the processes that a process has started, and theirs."""
    found = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *descendants(child)]
    return found


def send(sent: signal.Signals, pids: list[int]) -> None:
    """Send a signal to those processes that have not ended meanwhile."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, sent)


class Run:
    """An ansible-playbook for localhost, with what it has said so far."""

    def __init__(self, playbook: str, variables: dict[str, Any]) -> None:
        self.tasks: list[str] = []
        self.failures: list[str] = []
        """The messages of the tasks that failed."""
        self._news, self._over = threading.Condition(), False
        self._process = subprocess.Popen(
            ["ansible-playbook", "-i", "localhost,", f"playbooks/{playbook}.yml", "-e", json.dumps(variables)],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.jsonl"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            with self._news:
                name = event.get("_event", "")
                if name == "v2_playbook_on_task_start":
                    self.tasks.append(event["task"]["name"].rpartition(" : ")[2].partition(": ")[0])
                elif name == "v2_runner_on_failed":
                    self.failures += [str(one.get("msg", "")) for one in event["hosts"].values()]
                self._news.notify_all()
        with self._news:
            self._over = True
            self._news.notify_all()

    def reach(self, task: str, times: int = 1, seconds: float = 120) -> None:
        """Wait until a task of that name has begun, for the first time or a later one."""
        with self._news:
            self._news.wait_for(lambda: self._over or self.tasks.count(task) >= times, seconds)
            assert self.tasks.count(task) >= times, f"{task!r} was not reached; its tasks: {self.tasks}"

    def kill(self) -> None:
        """Kill all of its processes, at once."""
        send(signal.SIGKILL, self._pids())
        self._end()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let none of its processes go on."""
        pids = self._pids()
        send(signal.SIGSTOP, pids)
        try:
            yield
        finally:
            send(signal.SIGCONT, pids)

    def _pids(self) -> list[int]:
        return [self._process.pid, *descendants(self._process.pid)]

    def end(self, seconds: float = 300) -> int:
        """Wait for its end, and give its return code."""
        self._process.wait(seconds)
        self._end()
        return self._process.returncode

    def _end(self) -> None:
        self._process.wait(10)
        self._thread.join(10)


class Door:
    """A port of this machine that leads to the cluster's API, and can be shut: it refuses, or it never answers."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._open, self._over = threading.Event(), threading.Event()
        self._open.set()
        self._hang = False
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._listener = self._listen(0)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @staticmethod
    def _listen(port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port), backlog=64)
        listener.settimeout(0.1)
        return listener

    def _accept(self) -> None:
        while not self._over.is_set():
            if not self._open.is_set() and not self._hang:
                self._open.wait(0.1)
                continue
            try:
                client, _address = self._listener.accept()
            except (TimeoutError, OSError):
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        while not self._open.wait(0.1):
            if self._over.is_set():
                return
        try:
            server = socket.create_connection(self._target)
        except OSError:
            client.close()
            return
        with self._lock:
            self._pairs.append((client, server))
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                while not self._open.wait(0.1) and self._hang and not self._over.is_set():
                    pass
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def shut(self, hang: bool = False) -> Iterator[None]:
        """Let nothing through."""
        self._hang = hang
        self._open.clear()
        if not hang:
            self._listener.close()
            with self._lock:
                for pair in self._pairs:
                    for end in pair:
                        with suppress(OSError):
                            end.shutdown(socket.SHUT_RDWR)
                self._pairs.clear()
        try:
            yield
        finally:
            if not hang:
                self._listener = self._listen(self.port)
            self._open.set()

    def close(self) -> None:
        """End it."""
        self._over.set()
        self._listener.close()
