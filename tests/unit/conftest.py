# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Modules run in this process; the API server is a table of answers behind real HTTP on the loopback."""

from __future__ import annotations

import copy
import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from unit.snapshots import Snapshot, recorded


@pytest.fixture(autouse=True)
def no_ambient_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KUBECONFIG", "K8S_AUTH_KUBECONFIG", "K8S_AUTH_CONTEXT", "K8S_AUTH_HOST", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    # The client keeps its default from one call to the next, and the default location from the moment of its import.
    monkeypatch.setattr("kubernetes.client.Configuration._default", None)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "home/.kube/config"))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    # A test of a filter makes this process a controller, on whose terminal warnings end.
    monkeypatch.setattr("ansible.module_utils._internal.is_controller", False)

    def call(module: Any, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        capsys.readouterr()
        with patch_module_args({**options, "_ansible_check_mode": check_mode}), pytest.raises(SystemExit):
            module.main()
        return dict(json.loads(capsys.readouterr().out.splitlines()[-1]))

    return call


class Cluster:
    """Answers of an API server by path: an object, a text, the status of an error, both of them, or a function of the query.

    What is written gets the answer of its verb and path, "PATCH /api/...", and without one what was sent.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {"/version": {"gitVersion": "v1.34.4"}}
        self.requests: list[tuple[str, dict[str, list[str]]]] = []
        self.writes: list[tuple[str, str, dict[str, list[str]], Any]] = []
        self.now = ""
        """The time that it gives with its answers, if not the present."""
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                cluster.requests.append((url.path, parse_qs(url.query)))
                self.answer(cluster.answers.get(url.path, 404), parse_qs(url.query))

            def do_PATCH(self) -> None:
                url, query = urlsplit(self.path), parse_qs(urlsplit(self.path).query)
                sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or "{}")
                cluster.writes.append((self.command, url.path, query, sent))
                self.answer(cluster.answers.get(f"{self.command} {url.path}", sent), query)

            do_PUT = do_POST = do_DELETE = do_PATCH  # noqa: N815 - the names are of http.server

            def answer(self, answer: Any, query: dict[str, list[str]]) -> None:
                if callable(answer):
                    answer = answer(query)
                status, text = 200, answer
                if isinstance(answer, int):
                    status, text = answer, {"kind": "Status", "message": f"message of {answer}"}
                elif isinstance(answer, tuple):
                    status, text = answer
                body = (text if isinstance(text, str) else json.dumps(text)).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def date_time_string(self, timestamp: float | None = None) -> str:
                now = datetime.fromisoformat(cluster.now).timestamp() if cluster.now else timestamp
                return super().date_time_string(now)

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    one = Cluster()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture
def kubeconfig_for(tmp_path: Path) -> Callable[..., str]:
    def write(address: str, user: dict[str, Any] | None = None, **changes: Any) -> str:
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "one",
            "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
            "clusters": [{"name": "one", "cluster": {"server": address}}],
            "users": [{"name": "one", "user": user or {"token": "s3cr3t"}}],
            **changes,
        }
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def closed() -> int:
    """A port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def ready() -> Snapshot:
    """One replica, complete."""
    return copy.deepcopy(recorded("rolling_stubborn_old_pod")[-1])


@pytest.fixture
def crashed() -> Snapshot:
    return copy.deepcopy(recorded("crash_loop")[-1])
