#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Checks the cluster before anything is applied to it
version_added: 0.1.0
author: varasys.zddc contributors
description:
  - Looks whether the cluster can be reached, whether the namespace and the claim are there, and whether the objects
    that are to be applied belong to somebody else. It only reads.
  - Made for the role C(zddc_server), so its messages name the role's variables. All problems are reported together.
  - It ends within 15 seconds, also where the cluster does not answer at all.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
requirements:
  - the Python library kubernetes, 24.2.0 or newer, 37.0.2 for example
  - none of its versions 32.0.0, 35.x and 36.0.0, with which kubernetes.core fails
options:
  namespace:
    description: Namespace that is deployed to.
    type: str
    required: true
  create_namespace:
    description: Whether the namespace may be missing, since it will be made. Nothing is looked for in it then.
    type: bool
    default: false
  data_claim:
    description: PersistentVolumeClaim that must exist in the namespace and must not be lost. Empty for no check.
    type: str
    default: ""
  objects:
    description: The objects that will be applied or removed.
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description: Kind of the object.
        type: str
        required: true
      api_version:
        description: API group and version of the object.
        type: str
        required: true
      name:
        description: Name of the object.
        type: str
        required: true
  owner_labels:
    description: Labels that each of O(objects) must carry if it exists already. Empty for no check.
    type: dict
    default: {}
  state:
    description: With V(absent), what is missing is no problem, since nothing is left to remove there.
    type: str
    choices: [present, absent]
    default: present
  timeout:
    description: Seconds that the cluster has for the answer to one request.
    type: int
    default: 5
attributes:
  check_mode:
    support: full
    description: It changes nothing, so it does the same in check mode.
"""

EXAMPLES = r"""
- name: Check the cluster
  varasys.zddc.preflight:
    kubeconfig: ~/.kube/config
    namespace: documents
    data_claim: zddc-root
    objects:
      - kind: Deployment
        api_version: apps/v1
        name: zddc-server-prod
    owner_labels:
      app.kubernetes.io/managed-by: varasys.zddc
"""

RETURN = r"""
kubernetes_version:
  description: Version of the cluster.
  type: str
  returned: when the cluster answers
  sample: v1.34.4
check_mode:
  description: Whether this is a dry run, by C(--check) or by a task's keyword, of which C(ansible_check_mode) knows nothing.
  type: bool
  returned: always
  sample: false
namespace_exists:
  description: Whether the namespace is there. Taken to be there where the user may not read namespaces.
  type: bool
  returned: when the cluster answers
  sample: true
claim:
  description: What the claim is; empty where it was not looked for or is missing.
  type: dict
  returned: when the cluster answers
  contains:
    phase:
      description: Phase of the claim.
      type: str
      sample: Bound
    access_modes:
      description: Access modes that the claim asks for.
      type: list
      elements: str
      sample: [ReadWriteMany]
objects:
  description: Those of the given objects that exist.
  type: list
  elements: dict
  returned: when the cluster answers
  contains:
    kind:
      description: Kind of the object.
      type: str
      sample: Deployment
    name:
      description: Name of the object.
      type: str
      sample: zddc-server-prod
    uid:
      description: UID of the object.
      type: str
      sample: 0b7c2a52-3a5d-4a57-9a33-1d6a2b1f4a10
problems:
  description: What stands in the way, one sentence or two each.
  type: list
  elements: str
  returned: always
  sample: []
"""

import signal
from types import FrameType
from typing import Any
from urllib.parse import quote

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC
from ansible_collections.varasys.zddc.plugins.module_utils.api import Api, ApiError, ConnectionProblem, connect

PREFIX = "zddc_server_"
LIMIT = 9
"""Seconds for all of it: whatever hangs, a credential plugin or a name server too, the play hears of it within 15 s."""


class OutOfTime(BaseException):
    """No Exception: the client library takes those of a credential plugin for itself."""


def find(api: Api, path: str) -> dict[str, Any] | None:
    try:
        return api.get(path)
    except ApiError as error:
        if error.status == 404:
            return None
        raise


def unreadable(variable: str, what: str, api: Api, error: ApiError) -> str:
    return f"{variable}: {what} cannot be read: the cluster at {api.address} {error.what}. {error.advice}".rstrip()


def check_cluster(api: Api) -> str:
    """Version of the cluster."""
    try:
        return str(api.get("/version").get("gitVersion", ""))
    except ApiError as error:
        if error.status == 404:
            error = ApiError("answers, but is no Kubernetes API server", "Correct its address.")
        raise ConnectionProblem(
            f"{PREFIX}kubeconfig, {PREFIX}context: the cluster at {api.address} {error.what}. {error.advice}"
        ) from error


def check_namespace(api: Api, name: str, create: bool) -> tuple[bool, list[str]]:
    try:
        found = find(api, f"/api/v1/namespaces/{quote(name, safe='')}")
    except ApiError as error:
        if error.status == 403:
            # A user of one namespace seldom may read the namespace itself.
            return True, []
        return False, [unreadable(f"{PREFIX}namespace", f"namespace {name!r}", api, error)]
    if found is None:
        advice = f"Create it, name one that exists, or set {PREFIX}create_namespace to true."
        return False, [] if create else [
            f"{PREFIX}namespace: there is no namespace {name!r} in the cluster at {api.address}. {advice}"
        ]
    if found["metadata"].get("deletionTimestamp"):
        return True, [
            f"{PREFIX}namespace: the namespace {name!r} is being removed. Wait until it is gone, or name another."
        ]
    return True, []


def check_claim(api: Api, namespace: str, name: str) -> tuple[dict[str, Any], list[str]]:
    variable, claims = f"{PREFIX}data_claim", f"/api/v1/namespaces/{quote(namespace, safe='')}/persistentvolumeclaims"
    try:
        found = find(api, f"{claims}/{quote(name, safe='')}")
    except ApiError as error:
        return {}, [unreadable(variable, f"claim {name!r} in namespace {namespace!r}", api, error)]
    if found is None:
        try:
            others = sorted(item["metadata"]["name"] for item in api.get(claims)["items"])
        except ApiError:
            others = []
        there = f" Claims there: {', '.join(others[:5])}{', ...' if len(others) > 5 else ''}." if others else ""
        return {}, [
            f"{variable}: there is no claim {name!r} in namespace {namespace!r}.{there} "
            "Create the claim (it is never created for you), or name one that exists."
        ]
    phase = found.get("status", {}).get("phase", "")
    claim = {"phase": phase, "access_modes": found["spec"].get("accessModes", [])}
    if found["metadata"].get("deletionTimestamp"):
        return claim, [f"{variable}: the claim {name!r} in namespace {namespace!r} is being removed. Name another."]
    if phase == "Lost":
        return claim, [
            f"{variable}: the claim {name!r} in namespace {namespace!r} is Lost: its volume is gone. "
            "Restore the volume and make the claim anew, or name another."
        ]
    return claim, []


def manager(found: dict[str, Any]) -> str:
    """Who an object belongs to, as well as it tells."""
    metadata = found["metadata"]
    if release := metadata.get("annotations", {}).get("meta.helm.sh/release-name"):
        return f"Helm's release {release!r}"
    if label := metadata.get("labels", {}).get("app.kubernetes.io/managed-by"):
        return repr(label)
    writers = [item for item in metadata.get("managedFields", []) if not item.get("subresource")]
    return repr(max(writers, key=lambda item: item.get("time", ""))["manager"]) if writers else "somebody else"


def check_object(
    api: Api, namespace: str, wanted: dict[str, str], labels: dict[str, str], kinds: dict[str, Any], required: bool
) -> tuple[dict[str, str] | None, list[str]]:
    kind, group, name = wanted["kind"], wanted["api_version"], wanted["name"]
    base = f"/api/{group}" if group == "v1" else f"/apis/{group}"
    try:
        if group not in kinds:
            listed = find(api, base) or {}
            kinds[group] = {item["kind"]: item for item in listed.get("resources", []) if "/" not in item["name"]}
        resource = kinds[group].get(kind)
        if resource is None:
            problem = f"The cluster at {api.address} knows no {kind} of {group}."
            return None, [f"{problem} Install what brings it, or turn off what needs it."] if required else []
        scope = f"/namespaces/{quote(namespace, safe='')}" if resource["namespaced"] else ""
        found = find(api, f"{base}{scope}/{resource['name']}/{quote(name, safe='')}")
    except ApiError as error:
        return None, [unreadable(f"{PREFIX}name", f"{kind} {name!r} in namespace {namespace!r}", api, error)]
    if found is None:
        return None, []
    carried = found["metadata"].get("labels", {})
    theirs = any(carried.get(key) != str(value) for key, value in labels.items())
    problem = (
        f"{PREFIX}name: {kind} {name!r} in namespace {namespace!r} exists already and belongs to {manager(found)}. "
        f"Choose another {PREFIX}name, or remove that object."
    )
    return {"kind": kind, "name": name, "uid": found["metadata"]["uid"]}, [problem] if theirs else []


def check(module: AnsibleModule, result: dict[str, Any]) -> None:
    """Fills the result; what it holds is true at any moment."""
    options, problems = module.params, result["problems"]
    namespace, required = options["namespace"], options["state"] == "present"
    try:
        api = connect(module, PREFIX, options["timeout"])
        result["kubernetes_version"] = check_cluster(api)
    except ConnectionProblem as problem:
        problems.append(str(problem))
        return
    exists, found = check_namespace(api, namespace, options["create_namespace"] or not required)
    result["namespace_exists"] = exists
    problems += found
    if exists:
        if options["data_claim"] and required:
            result["claim"], found = check_claim(api, namespace, options["data_claim"])
            problems += found
        kinds: dict[str, Any] = {}
        for wanted in options["objects"]:
            there, found = check_object(api, namespace, wanted, options["owner_labels"], kinds, required)
            result["objects"] += [there] if there else []
            problems += found


def alarm(_signal: int, _frame: FrameType | None) -> None:
    raise OutOfTime


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **AUTH_ARG_SPEC,
            "namespace": {"type": "str", "required": True},
            "create_namespace": {"type": "bool", "default": False},
            "data_claim": {"type": "str", "default": ""},
            "objects": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {name: {"type": "str", "required": True} for name in ("kind", "api_version", "name")},
            },
            "owner_labels": {"type": "dict", "default": {}},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "timeout": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    result: dict[str, Any] = {"check_mode": module.check_mode, "problems": [], "claim": {}, "objects": []}
    problems = result["problems"]
    signal.signal(signal.SIGALRM, alarm)
    signal.alarm(LIMIT)
    try:
        if not module.params["namespace"].strip():
            problems.append(f"{PREFIX}namespace is empty. Set it to the name of a namespace.")
        else:
            check(module, result)
        signal.alarm(0)
    except OutOfTime:
        problems.append(
            f"{PREFIX}kubeconfig, {PREFIX}context: the checks of the cluster took more than {LIMIT} s. "
            "Check the network to it, and the credential plugin of the kubeconfig if it has one."
        )
    if problems:
        lines = problems if len(problems) == 1 else [f"{len(problems)} problems:", *(f"- {line}" for line in problems)]
        module.fail_json(msg="\n".join([*lines, "Nothing was changed."]), **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
