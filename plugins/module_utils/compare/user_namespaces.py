# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Check whether the cluster can give pods their own users (hostUsers false). What cannot be read is left to the rollout."""

from __future__ import annotations

import re
from contextlib import suppress

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Api, path_of
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.module_utils.names import PREFIX

IS_FALSE = f"{PREFIX}host_users is false, and"
ADVICE = f"or set {PREFIX}host_users to true."
LINUX = (6, 3)
"""First Linux version that maps the users of all volumes that the kubelet creates."""
# Filesystems that cannot map users, by the field of a PersistentVolume and by the CSI driver.
SOURCES = {"nfs": "NFS", "azureFile": "SMB", "glusterfs": "GlusterFS"}
DRIVERS = {
    "nfs.csi.k8s.io": "NFS",
    "efs.csi.aws.com": "NFS",
    "filestore.csi.storage.gke.io": "NFS",
    "smb.csi.k8s.io": "SMB",
    "file.csi.azure.com": "SMB",
}


def wanted(definition: Object) -> bool:
    """Check whether this is a Deployment whose pods get their own users."""
    return definition["kind"] == "Deployment" and pod_spec(definition).get("hostUsers") is False


def pod_spec(definition: Object) -> Object:
    found: Object = definition.get("spec", {}).get("template", {}).get("spec", {})
    return found


def dropped(applied: Object, address: str) -> list[str]:
    """Return the problem if the cluster dropped hostUsers from such a Deployment."""
    if pod_spec(applied).get("hostUsers") is False:
        return []
    return [
        f"{IS_FALSE} the cluster at {address} silently ignores that: its feature gate UserNamespacesSupport is off. "
        f"Turn it on (it is on by default since Kubernetes 1.33), {ADVICE}"
    ]


def problems(api: Api, namespace: str, definition: Object) -> list[str]:
    """Return why its pods could not start."""
    found = []
    for volume in pod_spec(definition).get("volumes", []):
        if claim := volume.get("persistentVolumeClaim", {}).get("claimName"):
            with suppress(ApiError):
                found += volume_problem(api, namespace, claim)
    with suppress(ApiError):
        found += node_problem(api.get("/api/v1/nodes")["items"])
    return found


def volume_problem(api: Api, namespace: str, claim: str) -> list[str]:
    found = api.find(path_of("namespaces", namespace, "persistentvolumeclaims", claim)) or {}
    name = found.get("spec", {}).get("volumeName")
    spec = (api.find(path_of("persistentvolumes", name)) or {}).get("spec", {}) if name else {}
    kinds = [kind for source, kind in SOURCES.items() if source in spec]
    kinds += [DRIVERS[driver] for driver in [spec.get("csi", {}).get("driver")] if driver in DRIVERS]
    return [
        f"{IS_FALSE} the volume {name!r} of the claim {claim!r} in namespace {namespace!r} is on {kind}, which Linux cannot "
        f"map to a pod's own users. Use a claim on another kind of storage, {ADVICE}"
        for kind in kinds
    ]


def node_problem(nodes: list[Object]) -> list[str]:
    """Return the problem if no schedulable node can give pods their own users."""
    reasons = [node_reason(node["status"]) for node in nodes if not node.get("spec", {}).get("unschedulable")]
    if not reasons or not all(reasons):
        return []
    why = ", ".join(sorted(set(reasons)))
    return [f"{IS_FALSE} no node of the cluster can give pods their own users: {why}. Update the nodes, {ADVICE}"]


def node_reason(status: Object) -> str:
    """Return why a node cannot give pods their own users; empty if it can."""
    info = status.get("nodeInfo", {})
    kernel = info.get("kernelVersion", "")
    numbers = re.match(r"(\d+)\.(\d+)", kernel)
    if numbers and tuple(map(int, numbers.groups())) < LINUX:
        return f"Linux {kernel} cannot map the users of all volumes ({LINUX[0]}.{LINUX[1]} can)"
    handlers = status.get("runtimeHandlers", [])
    if not any(handler.get("features", {}).get("userNamespaces") for handler in handlers):
        return f"the container runtime {info.get('containerRuntimeVersion', '')} does not support it"
    return ""
