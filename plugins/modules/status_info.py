#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: status_info
short_description: Reports the state of the instances in a namespace
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Reads the objects of all instances in a namespace, and compares them with the newest record of the history.
  - It finds what other managers have changed with a dry run. Without the right to apply the objects, it reports that it cannot.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
  - varasys.zddc.api.instance
options:
  others:
    description: Report every other instance in the namespace too.
    type: bool
    default: true
  field_manager:
    description: Name under which the objects are applied.
    type: str
    default: varasys.zddc
  allowed_managers:
    description: Field managers whose fields are not reported.
    type: list
    elements: str
    default: [kube-controller-manager]
  timeout:
    description: Seconds within which the cluster has to answer a request.
    type: int
    default: 5
attributes:
  check_mode:
    support: full
    description: It changes nothing, so it does the same in check mode.
"""

EXAMPLES = r"""
- name: Read the state of the instances
  varasys.zddc.status_info:
    name: zddc-server-prod
    namespace: documents
    owner_labels:
      app.kubernetes.io/instance: zddc-server-prod
      app.kubernetes.io/managed-by: varasys.zddc
  register: status
"""

RETURN = r"""
instances:
  description: The instances, by name.
  type: list
  elements: dict
  returned: success
  contains:
    id:
      description: The cluster's address, the namespace and the name.
      type: str
      sample: https://127.0.0.1:6443 documents zddc-server-prod
    name:
      description: Name of the instance.
      type: str
      sample: zddc-server-prod
    namespace:
      description: Its namespace.
      type: str
      sample: documents
    mode:
      description: Its mode.
      type: str
      sample: prod
    revision:
      description: Number of the newest record in the history.
      type: str
      sample: "3"
    ref:
      description: The requested ref.
      type: str
      sample: zddc-server-v0.0.7
    commit:
      description: The commit that the ref pointed to.
      type: str
      sample: 0123456789abcdef0123456789abcdef01234567
    short_commit:
      description: The first 12 digits of the commit.
      type: str
      sample: 0123456789ab
    go:
      description: The version of Go that built it, according to the build's record.
      type: str
      sample: go1.24.4
    image:
      description: Image of the server.
      type: str
      sample: docker.io/library/alpine:3.22
    ready:
      description: How many pods are ready, of how many that are wanted.
      type: str
      sample: 1/1
    restarts:
      description: How often containers of the newest revision's pods were restarted.
      type: str
      sample: "0"
    age:
      description: Age of the youngest of these pods.
      type: str
      sample: 3h
    url:
      description: Its URL, through the Ingress, through a node, or from within the cluster.
      type: str
      sample: https://archive.example.org/
    drift:
      description: Whether other managers have changed it, C(yes), C(no), or C(?) if that is unknown.
      type: str
      sample: "no"
    state:
      description: Its state, in words.
      type: str
      sample: serves
    notes:
      description: What other managers have changed, or why that is unknown, and which pods run another build than requested, one
        or two sentences each.
      type: list
      elements: str
      sample: []
reason:
  description: Why it failed, in one word (see the notes).
  type: str
  returned: when the cluster is the cause of a failure
  sample: away
"""

from datetime import timedelta
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils import names
from ansible_collections.varasys.zddc.plugins.module_utils.cluster import history
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Api, Caller, Kinds, connect, path_of, selector
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.times import moment
from ansible_collections.varasys.zddc.plugins.module_utils.compare.objects import Compared, compare
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.module_utils.running import INSTANCE_ARG_SPEC, run
from ansible_collections.varasys.zddc.plugins.module_utils.source.build_record import built
from ansible_collections.varasys.zddc.plugins.module_utils.watch.pods import GRACE, Pod
from ansible_collections.varasys.zddc.plugins.module_utils.watch.rollout import Verdict, assess

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    **INSTANCE_ARG_SPEC,
    "others": {"type": "bool", "default": True},
    "field_manager": {"type": "str", "default": names.FIELD_MANAGER},
    "allowed_managers": {"type": "list", "elements": "str", "default": ["kube-controller-manager"]},
    "timeout": {"type": "int", "default": 5},
}
GONE = "not deployed"


class Namespace:
    """The objects of all instances in a namespace; each kind is requested once."""

    def __init__(self, api: Api, namespace: str, selector: str) -> None:
        self.api, self.name, self.selector = api, namespace, selector
        self.kinds = Kinds(api)
        self.deployments = self.listed("/apis/apps/v1", "deployments")
        self.replicasets = self.listed("/apis/apps/v1", "replicasets")
        self.records = self.listed("/apis/apps/v1", "controllerrevisions")
        self.pods = self.listed("/api/v1", "pods")
        self.services = self.listed("/api/v1", "services")
        self.ingresses = self.listed("/apis/networking.k8s.io/v1", "ingresses")

    def listed(self, base: str, kind: str) -> list[Object]:
        return list(self.api.get(path_of("namespaces", self.name, kind, base=base), labelSelector=self.selector)["items"])

    def live(self, definition: Object) -> tuple[str | None, Object | None]:
        """Return the path of an object and the live object."""
        version, kind, name = history.identity(definition)
        path = self.kinds.path(version, kind, self.name, name)
        return path, self.api.find(path) if path else None


def of(items: list[Object], name: str) -> list[Object]:
    """Return the objects of one instance."""
    return [item for item in items if item["metadata"]["labels"].get(names.INSTANCE) == name]


def age(passed: timedelta) -> str:
    seconds = max(0, int(passed.total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def url(namespace: Namespace, name: str, pods: list[Object], record: Object | None) -> str:
    """Return the first URL at which the instance is reachable."""
    for ingress in of(namespace.ingresses, name):
        for rule in ingress["spec"].get("rules") or []:
            if host := rule.get("host"):
                secured = {one for tls in ingress["spec"].get("tls") or [] for one in tls.get("hosts") or []}
                paths = (rule.get("http") or {}).get("paths") or [{}]
                return f"http{'s' if host in secured else ''}://{host}{paths[0].get('path') or '/'}"
    # The Gateway, which may terminate TLS, is in another namespace; only the record shows that there is a route.
    for route in [one for one in (record["data"]["objects"] if record else []) if one["kind"] == "HTTPRoute"]:
        for host in route["spec"].get("hostnames") or []:
            rules = route["spec"].get("rules") or [{}]
            matches = rules[0].get("matches") or [{}]
            return f"{host}{matches[0].get('path', {}).get('value', '/')}"
    for service in of(namespace.services, name):
        for port in service["spec"].get("ports") or []:
            if node_port := port.get("nodePort"):
                node = next((pod["status"]["hostIP"] for pod in pods if pod["status"].get("hostIP")), "NODE")
                return f"http://{f'[{node}]' if ':' in node else node}:{node_port}/"
            return f"http://{service['metadata']['name']}.{namespace.name}.svc:{port['port']}/"
    return ""


def state(verdict: Verdict, record: Object | None) -> str:
    if verdict.failure:
        return f"failed: {verdict.failure.cause}"
    if not verdict.done:
        return verdict.stage
    if verdict.replicas["wanted"] == 0:
        return "stopped"
    if record and history.result(record) != names.SERVED:
        return "serves, but its deploy did not finish"
    return "serves"


def only_stopped(found: Compared) -> bool:
    """Check whether the object differs from the record only by having no pods."""
    before, after = (dict(side.get("spec", {})) for side in (found.before, found.after))
    return before.pop("replicas", None) == 0 and after.pop("replicas", None) != 0 and before == after


def drift(namespace: Namespace, record: Object, manager: str, allowed: list[str]) -> list[str]:
    """Return what differs from the applied objects."""
    lines: list[str] = []
    for definition in record["data"]["objects"]:
        _version, kind, name = history.identity(definition)
        path, live = namespace.live(definition)
        if path is None or live is None:
            lines.append(f"{kind} {name} is missing.")
            continue
        found = compare(namespace.api, path, live, definition, manager, allowed)
        lines += found.drift
        if found.change != "none" and not found.drift and not only_stopped(found):
            lines.append(f"{kind} {name} differs from revision {record['revision']}: deploy with --check --diff.")
    return lines


def other_build(pod: Pod, annotations: Object) -> str:
    """Return how the pod's build differs from the requested one."""
    record, noted = built(pod.seen), {"commit": names.GIT_COMMIT, "flags": names.BUILD_FLAGS}
    wrong = [
        f"{name} {record[name]} instead of {asked}"
        for name, key in noted.items()
        if name in record and (asked := annotations.get(key, record[name])) != record[name]
    ]
    return f"Pod {pod.name} runs a build of {', and of '.join(wrong)}. Delete it to rebuild it." if wrong else ""


def row(namespace: Namespace, name: str, manager: str, allowed: list[str]) -> Object:
    records = sorted(of(namespace.records, name), key=lambda item: item["revision"])
    record = records[-1] if records else None
    told: Object = {
        "id": f"{namespace.api.address} {namespace.name} {name}",
        "name": name,
        "namespace": namespace.name,
        "revision": str(record["revision"]) if record else "",
        **dict.fromkeys(("mode", "ref", "commit", "short_commit", "go", "image", "ready", "restarts", "age", "url", "drift"), ""),
        "state": GONE,
        "notes": [],
    }
    deployment = next(iter(of(namespace.deployments, name)), None)
    if deployment is None:
        return told
    template, now = deployment["spec"]["template"], namespace.api.now
    annotations = template["metadata"].get("annotations", {})
    # Counts failures of the last GRACE, and conditions that have lasted longer.
    verdict = assess(deployment, of(namespace.replicasets, name), of(namespace.pods, name), now, now - GRACE)
    current = [pod for pod in verdict.pods if pod.current and pod.alive]
    made = [moment(pod.seen["metadata"]["creationTimestamp"]) for pod in current]
    told |= {
        "mode": template["metadata"]["labels"].get(names.MODE, ""),
        "ref": annotations.get(names.GIT_REF, ""),
        "commit": annotations.get(names.GIT_COMMIT, ""),
        "short_commit": annotations.get(names.GIT_COMMIT, "")[:12],
        "go": ", ".join(sorted({go for pod in current if (go := built(pod.seen).get("go", ""))})),
        "image": template["spec"]["containers"][0]["image"],
        "ready": f"{verdict.replicas['ready']}/{verdict.replicas['wanted']}",
        "restarts": str(sum(pod.restarts for pod in current)) if current else "",
        "age": age(now - max(made)) if made else "",
        "url": url(namespace, name, [pod.seen for pod in current], record),
        "state": state(verdict, record),
    }
    differing = [line for pod in current if (line := other_build(pod, annotations))]
    if record is None:
        return told | {"drift": "?", "notes": [*differing, f"The cluster has no record of {name}. Deploy it once."]}
    try:
        notes = drift(namespace, record, manager, allowed)
    except ApiError as error:
        said = f"Cannot determine whether others have changed {name}: the cluster {error.what}. {error.advice}".rstrip()
        return told | {"drift": "?", "notes": [*differing, said]}
    return told | {"drift": "yes" if notes else "no", "notes": [*differing, *notes]}


def work(caller: Caller) -> Object:
    options = caller.params
    labels = {key: value for key, value in options["owner_labels"].items() if key != names.INSTANCE}
    api = connect(caller, names.PREFIX, options["timeout"])
    with api.about(f"The instances in namespace {options['namespace']}"):
        namespace = Namespace(api, options["namespace"], selector(labels))
        known = {options["name"]}
        if options["others"]:
            known |= {item["metadata"]["labels"].get(names.INSTANCE) for item in (*namespace.deployments, *namespace.records)}
        return {
            "instances": [
                row(namespace, name, options["field_manager"], options["allowed_managers"])
                for name in sorted(filter(None, known))
            ]
        }


def main() -> None:
    run(work, ARGUMENT_SPEC)


if __name__ == "__main__":
    main()
