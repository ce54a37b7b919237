# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a build reports: lines NAME=VALUE, beside the binary and as the termination message of its container."""

from __future__ import annotations

from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object


def parse(text: str) -> dict[str, str]:
    """Return the values by name; empty if the text is not a record."""
    found = {name: value for name, sign, value in (line.partition("=") for line in text.splitlines()) if sign}
    return found if "commit" in found and "sha256" in found else {}


def built(pod: Object) -> dict[str, str]:
    """Return what the build in a pod reports; the pod is the server's own or that of a Job."""
    status = pod.get("status", {})
    every = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    said = (one.get("state", {}).get("terminated", {}).get("message", "") for one in every if one["name"] == "build")
    return parse(next(said, ""))
