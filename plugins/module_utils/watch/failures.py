# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Store what a failed rollout left in the cluster, before a rollback removes it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Api, path_of
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.module_utils.watch.evidence import events_of, instance_logs, shown
from ansible_collections.varasys.zddc.plugins.module_utils.watch.pods import Failure, Pod, event_time

MOST_PODS = 5
MOST_LINES = 10_000
"""How many of the last lines of a container's log are stored."""


def keep(api: Api, namespace: str, name: str, failure: Failure, pods: tuple[Pod, ...], folder: str) -> str:
    """Write the events and logs of a Deployment's rollout into a new subfolder, and return its path. Can raise OSError."""
    base = path_of("namespaces", namespace)
    broken = [pod for pod in pods if pod.current and not pod.ready][:MOST_PODS]
    path = new_folder(Path(folder), f"{namespace}-{name}-{api.now:%Y%m%dT%H%M%SZ}")
    write(path / "events.txt", list(events(api, base, failure, broken)))
    for pod in broken:
        for name, lines in logs(api, base, pod):
            write(path / name, lines)
    return str(path)


def new_folder(folder: Path, name: str) -> Path:
    """Create a folder that only this user can read."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = (folder / (f"{name}-{count}" if count else name) for count in range(100))
    for path in paths:
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
            return path
    raise FileExistsError(17, os.strerror(17), str(folder / name))


def write(path: Path, lines: list[str]) -> None:
    path.touch(mode=0o600)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def events(api: Api, base: str, failure: Failure, pods: list[Pod]) -> Iterator[str]:
    """Yield the events of what failed and of the pods, each with its time."""
    about = {(failure.kind, failure.name): failure.uid, **{("Pod", pod.name): pod.uid for pod in pods}}
    for (kind, name), uid in about.items():
        yield f"{kind} {name}"
        try:
            for event in events_of(api, base, kind, name, uid):
                yield "  " + line(event)
        except ApiError as error:
            yield f"  not available: the cluster {error.what}"


def line(event: Object) -> str:
    times = f" ({event['count']} times)" if (event.get("count") or 1) > 1 else ""
    words = " ".join(str(event.get(key) or "") for key in ("type", "reason", "message"))
    return f"{event_time(event):%H:%M:%S} {' '.join(words.split())}{times}"


def logs(api: Api, base: str, pod: Pod) -> Iterator[tuple[str, list[str]]]:
    """Yield a file name and lines for each container that ran in a pod, and for its previous instance."""
    status = pod.seen.get("status", {})
    for key, init in (("initContainerStatuses", True), ("containerStatuses", False)):
        for one in status.get(key) or []:
            with suppress(ApiError):
                current, before = instance_logs(api, f"{base}/pods/{pod.name}/log", one["name"], MOST_LINES)
                for suffix, text in (("", current), ("-previous", before)):
                    if text:
                        lines, left_out = shown(text, init)
                        note = [f"({left_out} {'line' if left_out == 1 else 'lines'} with request headers left out)"]
                        yield f"{pod.name}-{one['name']}{suffix}.log", lines + note * (left_out > 0)
