# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Check before the rollout whether the cluster admits the pods of a Deployment."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Api, path_of
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.module_utils.names import PREFIX

LABEL = "pod-security.kubernetes.io/enforce"
# The API server rejects pods with the same code and details for every cause: only its message names this one.
VIOLATES = re.compile(r'violates PodSecurity "([^"]+)": (.*)', re.DOTALL)
# These decide nothing: the user may not create pods, an old pod may still free quota, or the service account is not there yet.
NO_VERDICT = re.compile(r'cannot create resource|exceeded quota|serviceaccount "default" not found')


def problems(api: Api, namespace: str, deployment: Object, accounts: Iterable[str] = ()) -> list[str]:
    """Return why no pod is admitted: by a dry run, or by the label of the namespace if the user may not create pods.

    C(accounts) are service accounts that may not exist yet.
    """
    if deployment["spec"].get("replicas") == 0:
        return []
    template = deployment["spec"]["template"]
    mounter = next(filter(mounts, containers(template["spec"])), {}).get("name", "")
    where = path_of("namespaces", namespace)
    metadata = {**template.get("metadata", {}), "generateName": f"{deployment['metadata']['name']}-"}
    spec = {key: value for key, value in template["spec"].items() if key != "serviceAccountName" or value not in accounts}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    try:
        api.send("post", f"{where}/pods", pod, dryRun="All")
    except ApiError as error:
        if found := VIOLATES.search(error.said):
            return [violation(namespace, found[1], mounter, found[2])]
        if error.status == 403 and not NO_VERDICT.search(error.said):
            return [
                f"{PREFIX}namespace: the cluster admits no pod of this instance in namespace {namespace!r}: {error.said}. "
                "Fix that, or name another namespace."
            ]
        level = enforced(api, where) if mounter else ""
        return [violation(namespace, level, mounter)] if level in ("baseline", "restricted") else []
    return []


def containers(pod: Object) -> list[Object]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def mounts(container: Object) -> bool:
    """Check whether a container may mount filesystems, for which the level must be privileged."""
    context = container.get("securityContext", {})
    return context.get("privileged", False) or "SYS_ADMIN" in context.get("capabilities", {}).get("add", [])


def enforced(api: Api, where: str) -> str:
    """Return the level that the namespace enforces; empty if it has none or cannot be read."""
    try:
        found = api.find(where) or {}
    except ApiError:
        return ""
    return str(found.get("metadata", {}).get("labels", {}).get(LABEL, ""))


def violation(namespace: str, level: str, mounter: str, said: str = "") -> str:
    what, said = f"{PREFIX}namespace: the namespace {namespace!r} enforces Pod Security {level!r}, and", said and f": {said}"
    if not mounter:
        return f"{what} does not admit the pods{said}. Name another namespace, or lower its level."
    return (
        f"{what} the pods need 'privileged', since their container {mounter} mounts the overlay "
        f"({PREFIX}overlay_mounter){said}. Name another namespace, or allow it in this one: "
        f"kubectl label namespace {namespace} {LABEL}=privileged --overwrite"
    )
