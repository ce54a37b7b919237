# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Check what an apply needs in the cluster. Problems are sentences that name the role's variables."""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Api, path_of
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.rights import missing_rule
from ansible_collections.varasys.zddc.plugins.module_utils.names import MANAGED_BY, PREFIX


def cannot(verb: str, variable: str, what: str, api: Api, error: ApiError) -> str:
    """Return the problem with something that cannot be read or applied."""
    # A user without the rights is the wrong user: the kubeconfig is the variable to fix.
    variable = f"{PREFIX}kubeconfig" if missing_rule(error.said) else variable
    return f"{variable}: {what} cannot be {verb}: the cluster at {api.address} {error.what}. {error.advice}".rstrip()


def check_cluster(api: Api) -> str:
    """Return the version of the cluster."""
    with api.about(f"{PREFIX}kubeconfig, {PREFIX}context"):
        found = api.find("/version")
        if found is None:
            raise ApiError("answers, but is not a Kubernetes API server", "Correct its address.", setup=True)
        return str(found.get("gitVersion", ""))


class Found(NamedTuple):
    """What was found, the problems with it, what is missing, and the reason if the request failed."""

    what: Any
    problems: list[str]
    missing: list[str]
    reason: str = ""


def check_namespace(api: Api, name: str) -> Found:
    """Check whether the namespace exists."""
    try:
        found = api.find(path_of("namespaces", name))
    except ApiError as error:
        if error.status == 403:
            # A user of one namespace can rarely read the Namespace object itself.
            return Found(True, [], [])
        return Found(False, [cannot("read", f"{PREFIX}namespace", f"namespace {name!r}", api, error)], [], error.reason)
    if found is None:
        advice = f"Create it, name one that exists, or set {PREFIX}create_namespace to true."
        missing = f"{PREFIX}namespace: there is no namespace {name!r} in the cluster at {api.address}. {advice}"
        return Found(False, [], [missing])
    if found["metadata"].get("deletionTimestamp"):
        advice = "Wait until it is gone, or name another."
        return Found(True, [f"{PREFIX}namespace: the namespace {name!r} is being removed. {advice}"], [])
    return Found(True, [], [])


def check_claim(api: Api, namespace: str, name: str, variable: str = f"{PREFIX}data_claim") -> Found:
    """Return phase, access modes and volume of the claim."""
    claims = path_of("namespaces", namespace, "persistentvolumeclaims")
    try:
        found = api.find(path_of(name, base=claims))
    except ApiError as error:
        what = f"claim {name!r} in namespace {namespace!r}"
        return Found({}, [cannot("read", variable, what, api, error)], [], error.reason)
    if found is None:
        try:
            others = sorted(item["metadata"]["name"] for item in api.get(claims)["items"])
        except ApiError:
            others = []
        there = f" Claims there: {', '.join(others[:5])}{', ...' if len(others) > 5 else ''}." if others else ""
        missing = (
            f"{variable}: there is no claim {name!r} in namespace {namespace!r}.{there} "
            "Create the claim (it is never created for you), or name one that exists."
        )
        return Found({}, [], [missing])
    phase = found.get("status", {}).get("phase", "")
    spec = found["spec"]
    claim = {"phase": phase, "access_modes": spec.get("accessModes", []), "volume": spec.get("volumeName", "")}
    what, advice = f"{variable}: the claim {name!r} in namespace {namespace!r}", "create the claim again, or name another."
    if found["metadata"].get("deletionTimestamp"):
        return Found(claim, [f"{what} is being removed. Name another."], [])
    if phase == "Lost":
        return Found(claim, [f"{what} is Lost: its volume is gone. Restore the volume and {advice}"], [])
    return Found(claim, [], [])


def manager(found: dict[str, Any]) -> str:
    """Return who owns an object, as far as its metadata shows."""
    metadata = found["metadata"]
    if release := metadata.get("annotations", {}).get("meta.helm.sh/release-name"):
        return f"Helm's release {release!r}"
    if label := metadata.get("labels", {}).get(MANAGED_BY):
        return repr(label)
    writers = [item for item in metadata.get("managedFields", []) if not item.get("subresource")]
    return repr(max(writers, key=lambda item: item.get("time", ""))["manager"]) if writers else "another manager"
