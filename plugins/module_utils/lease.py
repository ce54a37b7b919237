# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A Lease that one run holds at a time. Time is the cluster's, so that the clocks of the runs do not matter."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from ansible_collections.varasys.zddc.plugins.module_utils.api import ApiError

Object = dict[str, Any]


class Writer(Protocol):
    now: datetime

    def find(self, path: str, **query: Any) -> Object | None: ...

    def send(self, verb: str, path: str, body: Any, **query: Any) -> Object: ...


class Held(NamedTuple):
    """Somebody else holds it."""

    holder: str
    since: str
    left: float
    """Seconds until it ends, unless it is renewed."""


def _path(namespace: str, name: str = "") -> str:
    base = f"/apis/coordination.k8s.io/v1/namespaces/{quote(namespace, safe='')}/leases"
    return f"{base}/{quote(name, safe='')}" if name else base


def _stamp(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def take(
    api: Writer, namespace: str, name: str, holder: str, seconds: int, labels: dict[str, str] | None = None
) -> Held | None:
    """Take or renew it. Gives who holds it where it cannot be taken."""
    found = api.find(_path(namespace, name))
    spec = (found or {}).get("spec", {})
    other = spec.get("holderIdentity") not in (None, "", holder)
    if other:
        ends = _moment(spec["renewTime"]) + timedelta(seconds=spec["leaseDurationSeconds"])
        if (left := (ends - api.now).total_seconds()) > 0:
            return Held(spec["holderIdentity"], spec.get("acquireTime", ""), left)
    now = _stamp(api.now)
    since = spec["acquireTime"] if found and not other and spec.get("acquireTime") else now
    wanted = {"holderIdentity": holder, "leaseDurationSeconds": seconds, "acquireTime": since, "renewTime": now}
    try:
        if found:
            api.send("put", _path(namespace, name), {**found, "spec": wanted})
        else:
            metadata = {"name": name, "namespace": namespace, "labels": labels or {}}
            body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": wanted}
            api.send("post", _path(namespace), body)
    except ApiError as error:
        # Another run was faster; an update loses against a removal as well.
        if error.status not in (404, 409):
            raise
        return Held("another run", "", 1)
    return None


def release(api: Writer, namespace: str, name: str, holder: str) -> bool:
    """Remove it if it is this holder's. Gives whether it was."""
    found = api.find(_path(namespace, name))
    if not found or found["spec"].get("holderIdentity") != holder:
        return False
    version = {key: found["metadata"][key] for key in ("uid", "resourceVersion")}
    try:
        api.send("delete", _path(namespace, name), {"preconditions": version})
    except ApiError as error:
        if error.status not in (404, 409):
            raise
        return False
    return True
