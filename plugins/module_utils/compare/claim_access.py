# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Check whether the pods of a Deployment can mount the claim of the documents. What cannot be read is left to the rollout."""

from __future__ import annotations

from contextlib import suppress

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Api, path_of
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError
from ansible_collections.varasys.zddc.plugins.module_utils.compare.user_namespaces import pod_spec
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.module_utils.names import PREFIX

SHARED = "ReadWriteMany"
ONE_POD = "ReadWriteOncePod"


def problems(api: Api, namespace: str, name: str, claim: Object, definition: Object) -> list[str]:
    """Return why some or all of the pods could not mount the claim. C(claim) is the result of check_claim."""
    # A stopped instance needs no claim.
    modes = claim.get("access_modes", []) if definition["spec"].get("replicas") != 0 else []
    written = any(
        source.get("claimName") == name and not source.get("readOnly")
        for volume in pod_spec(definition).get("volumes", [])
        if (source := volume.get("persistentVolumeClaim"))
    )
    what = f"the claim {name!r} in namespace {namespace!r} is {', '.join(modes)}"
    if modes == ["ReadOnlyMany"] and written:
        return [
            f"{PREFIX}data_claim: {what}, and in prod the server writes to it: its logs and tokens are next to the documents. "
            "Name a claim that is writable."
        ]
    if not modes or SHARED in modes or (not written and "ReadOnlyMany" in modes):
        return []
    spec, found = definition["spec"], []
    if spec.get("replicas", 1) > 1:
        found.append(
            f"{PREFIX}replicas is {spec['replicas']}, and {what}: pods on other nodes cannot mount it. Set it to 1, or name a "
            f"claim that is {SHARED}."
        )
    if spec.get("strategy", {}).get("type") == "RollingUpdate":
        found += rolling(api, what, modes, claim, pod_spec(definition))
    return found


def rolling(api: Api, what: str, modes: list[str], claim: Object, pod: Object) -> list[str]:
    """Return the problem with a new pod that runs next to the old one."""
    begin = f"{PREFIX}strategy is RollingUpdate, and {what}: the new pod "
    if ONE_POD in modes:
        return [f"{begin}would wait until the old one ends, which waits for the new one. Set {PREFIX}strategy to Recreate."]
    together = pod.get("affinity", {}).get("podAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution", [])
    if any(term.get("topologyKey") == "kubernetes.io/hostname" for term in together):
        return []
    with suppress(ApiError):
        volume = (api.find(path_of("persistentvolumes", claim["volume"])) or {}) if claim.get("volume") else {}
        nodes = [node for node in api.get("/api/v1/nodes")["items"] if takes(node, pod, volume.get("spec", {}))]
        if len(nodes) > 1:
            return [
                f"{begin}may run on another of {len(nodes)} nodes, where it cannot mount the claim while the old one runs. Set "
                f"{PREFIX}strategy to Recreate, select one node with {PREFIX}node_selector, or name a claim that is {SHARED}."
            ]
    return []


def takes(node: Object, pod: Object, volume: Object) -> bool:
    """Check whether a pod with this volume may run on a node."""
    spec, labels = node.get("spec", {}), node["metadata"].get("labels", {})
    if spec.get("unschedulable") or any(labels.get(key) != value for key, value in pod.get("nodeSelector", {}).items()):
        return False
    taints = [taint for taint in spec.get("taints", []) if taint["effect"] != "PreferNoSchedule"]
    if not all(any(stands(one, taint) for one in pod.get("tolerations", [])) for taint in taints):
        return False
    of_the_pod = pod.get("affinity", {}).get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution", {})
    return all(meets(node, one) for one in (volume.get("nodeAffinity", {}).get("required", {}), of_the_pod))


def meets(node: Object, selector: Object) -> bool:
    """Check whether a node matches one of the terms of a node selector."""
    labels, fields = node["metadata"].get("labels", {}), {"metadata.name": node["metadata"].get("name")}
    terms = selector.get("nodeSelectorTerms", [])
    return not terms or any(
        all(fits(labels, one) for one in term.get("matchExpressions", []))
        and all(fits(fields, one) for one in term.get("matchFields", []))
        for term in terms
    )


def stands(toleration: Object, taint: Object) -> bool:
    """Check whether a toleration tolerates a taint."""
    exists = toleration.get("operator") == "Exists"
    return (
        toleration.get("effect", taint["effect"]) == taint["effect"]
        and ((exists and not toleration.get("key")) or toleration.get("key") == taint["key"])
        and (exists or toleration.get("value", "") == taint.get("value", ""))
    )


def fits(labels: Object, wanted: Object) -> bool:
    """Check whether labels meet a requirement. For Gt and Lt, only check that the label exists."""
    found, values = labels.get(wanted["key"]), wanted.get("values", [])
    if wanted["operator"] in ("NotIn", "DoesNotExist"):
        return found is None or (wanted["operator"] == "NotIn" and found not in values)
    return found is not None and (wanted["operator"] != "In" or found in values)
