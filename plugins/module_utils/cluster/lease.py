# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A Lease that one run holds at a time. Times are the cluster's, so that the clocks of the runs do not matter."""

from __future__ import annotations

import secrets
import time
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import (
    OUTAGE_ARG_SPEC,
    Api,
    Caller,
    connect,
    path_of,
    whoami,
)
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import LOST_LEASE, ApiError, Problem
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.times import moment
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    **OUTAGE_ARG_SPEC,
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["held", "released"], "default": "held"},
    "holder": {"type": "str"},
    "seconds": {"type": "int", "default": 30},
    "wait": {"type": "int", "default": 120},
    "labels": {"type": "dict", "default": {}},
}
CONDITIONS: dict[str, Any] = {"required_if": [("state", "released", ["holder"])]}


class Held(NamedTuple):
    """Another run holds the Lease."""

    holder: str
    since: str
    left: float
    """Seconds until it expires, unless it is renewed."""


def _path(namespace: str, *name: str) -> str:
    return path_of("namespaces", namespace, "leases", *name, base="/apis/coordination.k8s.io/v1")


def _stamp(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def take(api: Api, namespace: str, name: str, holder: str, seconds: int, labels: dict[str, str] | None = None) -> Held | None:
    """Take or renew the Lease. Return its holder if another run holds it."""
    found = api.find(_path(namespace, name))
    spec = (found or {}).get("spec", {})
    other = spec.get("holderIdentity") not in (None, "", holder)
    if other:
        ends = moment(spec["renewTime"]) + timedelta(seconds=spec["leaseDurationSeconds"])
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
        # Another run was faster, or this run's first try was carried out but not answered.
        if error.status not in (404, 409):
            raise
        there = (api.find(_path(namespace, name)) or {}).get("spec", {})
        return None if there.get("holderIdentity") == holder else Held(there.get("holderIdentity") or "another run", "", 1)
    return None


def release(api: Api, namespace: str, name: str, holder: str) -> bool:
    """Remove the Lease if this holder has it. Return whether it was removed."""
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


def held_or_released(caller: Caller) -> Object:
    """Do the work of the module lease."""
    options = caller.params
    done: Object = {"holder": options["holder"] or "", "waited": 0.0}
    if caller.check_mode:
        return done
    api = connect(caller)
    what = f"Lease {options['name']!r} in namespace {options['namespace']!r}"
    with api.about(what):
        if options["state"] == "held":
            return hold(api, options)
        # The Lease expires on its own.
        api.patience = 0
        try:
            return {**done, "changed": release(api, options["namespace"], options["name"], options["holder"])}
        except ApiError as error:
            if not error.passing:
                raise
            told = f"{what}: the cluster at {api.address} {error.what}. The Lease expires within {options['seconds']} s."
            return {**done, "warnings": [told]}


def hold(api: Api, options: Object) -> Object:
    """Take the Lease, and wait while another run holds it."""
    name, namespace, begin = options["name"], options["namespace"], time.monotonic()
    holder = options["holder"] or f"{whoami()} {secrets.token_hex(4)}"
    while held := take(api, namespace, name, holder, options["seconds"], options["labels"]):
        waited = time.monotonic() - begin
        if waited >= options["wait"]:
            since = f" (since {held.since[:19]}Z)" if held.since else ""
            raise Problem(
                f"Another run is working on this: {held.holder} holds the Lease {name} in namespace {namespace}{since}. "
                f"Waited {waited:.0f} s for it. Nothing was changed. Run this again when that run has ended; if it was "
                f"killed, its Lease expires within {held.left:.0f} s.",
                LOST_LEASE,
            )
        time.sleep(min(1.0, held.left, options["wait"] - waited))
    return {"changed": True, "holder": holder, "waited": round(time.monotonic() - begin, 1)}
