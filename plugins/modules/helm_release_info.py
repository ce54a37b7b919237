#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: helm_release_info
short_description: Reads a release of the upstream Helm charts, as variables of the role zddc_server
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Finds the release by Helm's record of it, a Secret, and reads its current Deployment, Service and Ingress from the cluster.
    Returns their settings as variables of the role R(varasys.zddc.zddc_server,role).
  - The repository and the ref come from the release's values C(zddc.gitRepo) and C(zddc.gitRef).
  - It changes nothing, and needs no Helm.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
options:
  name:
    description: Name of the release.
    type: str
    required: true
  namespace:
    description: Namespace of the release.
    type: str
    required: true
  documents_owner:
    description:
      - Owner of the documents, as C(UID:GID). If the release sets no user for its server, the variables name this one, or a note
        says why not.
    type: str
  managed_by:
    description: The label C(app.kubernetes.io/managed-by) of the objects that the role has taken over.
    type: str
    default: varasys.zddc
attributes:
  check_mode:
    support: full
    description: It only reads.
"""

EXAMPLES = r"""
- name: Read a release
  varasys.zddc.helm_release_info:
    name: archive
    namespace: documents
  register: release

- name: Save its settings
  ansible.builtin.copy:
    content: "{{ release.variables | varasys.zddc.manifest }}"
    dest: archive.yml
    mode: "0600"
"""

RETURN = r"""
name:
  description: Name of the release.
  type: str
  returned: success
  sample: archive
chart:
  description: Name and version of the chart.
  type: str
  returned: success
  sample: zddc-server-prod 0.1.0
status:
  description: Status of the newest revision, as Helm records it.
  type: str
  returned: success
  sample: deployed
records:
  description: The Secrets in which Helm records the release, as P(varasys.zddc.apply#module) takes them.
  type: list
  elements: str
  returned: success
  sample: [sh.helm.release.v1.archive.v1]
deployment:
  description: Name of the Deployment, which becomes the instance's.
  type: str
  returned: success
  sample: archive
mode:
  description: Mode of the role that corresponds to the release.
  type: str
  returned: success
  sample: prod
variables:
  description: The settings of the release, as variables of the role.
  type: dict
  returned: success
  sample: {zddc_server_mode: prod, zddc_server_name: archive}
notes:
  description: What the user has to decide, one or two sentences each.
  type: list
  elements: str
  returned: success
  sample: []
obstacle:
  description: Why the objects cannot be taken over unchanged; empty if they can.
  type: str
  returned: success
  sample: ""
objects:
  description: The objects that the role takes over, as KIND NAME.
  type: list
  elements: str
  returned: success
  sample: [Service archive, Deployment archive]
others:
  description: The other objects of the release, as KIND NAME.
  type: list
  elements: str
  returned: success
  sample: [ConfigMap archive-policies]
taken_over:
  description: Whether the role already manages the Deployment.
  type: bool
  returned: success
  sample: false
pods:
  description: The pods of the release that still exist.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the pod.
      type: str
      sample: archive-797dd54b96-b2xb5
    uid:
      description: UID of the pod.
      type: str
      sample: 0b7c2a52-3a5d-4a57-9a33-1d6a2b1f4a10
    node:
      description: The node that it runs on.
      type: str
      sample: worker-1
    mounts:
      description: Its volumes whose mounts stay on the node after the pod is gone.
      type: list
      elements: str
      sample: [data]
    container:
      description: Its container with the server.
      type: str
      sample: zddc-server
reason:
  description: Why it failed, in one word (see the notes).
  type: str
  returned: when the cluster is the cause of a failure
  sample: away
"""

from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ansible_collections.varasys.zddc.plugins.module_utils import helm_release as helm
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Api, Caller, Kinds, connect, path_of, selector
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import Problem
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.module_utils.names import FIELD_MANAGER, MANAGED_BY, PREFIX
from ansible_collections.varasys.zddc.plugins.module_utils.running import run

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    **AUTH_ARG_SPEC,
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "documents_owner": {"type": "str"},
    "managed_by": {"type": "str", "default": FIELD_MANAGER},
}
TAKEN = ("Service", "Deployment", "Ingress")


class Reader:
    """Reads the objects in the namespace."""

    def __init__(self, api: Api, params: Object) -> None:
        self.api, self.kinds = api, Kinds(api)
        self.name, self.namespace, self.managed_by = params["name"], params["namespace"], params["managed_by"]
        self.owner: str | None = params["documents_owner"]

    def listed(self, kind: str, selector: str) -> list[Object]:
        path = path_of("namespaces", self.namespace, kind)
        return list(self.api.get(path, labelSelector=selector)["items"])

    def live(self, version: str, kind: str, name: str) -> Object | None:
        path = self.kinds.path(version, kind, self.namespace, name)
        return self.api.find(path) if path else None

    def read(self) -> Object:
        secrets = self.listed("secrets", f"owner=helm,name={self.name}")
        record = helm.newest(secrets, self.namespace)
        if record is None:
            known = sorted({item["metadata"]["labels"].get("name", "") for item in self.listed("secrets", "owner=helm")})
            there = f"There are: {', '.join(known)}." if known else "There is no record of any release."
            raise Problem(
                f"Helm has no release {self.name!r} in namespace {self.namespace!r}. {there} Name one of them: -e release=NAME, "
                "and its namespace: -e zddc_server_namespace=NAMESPACE"
            )
        deployment = self.deployment(record)
        name, labels = deployment["metadata"]["name"], deployment["spec"]["selector"].get("matchLabels", {})
        mine = {kind: version for version, kind, one in record.objects if kind in TAKEN and one == name}
        service, ingress = (self.live(mine[kind], kind, name) if kind in mine else None for kind in ("Service", "Ingress"))
        found = helm.variables(deployment, service, ingress, record.values)
        if self.owner is not None:
            found = helm.with_owner(found, self.owner)
        return {
            "name": self.name,
            "chart": record.chart,
            "status": record.status,
            "records": [
                {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": one, "namespace": self.namespace}}
                for one in sorted(item["metadata"]["name"] for item in secrets)
            ],
            "deployment": name,
            "mode": found.variables[f"{PREFIX}mode"],
            "variables": found.variables,
            "notes": found.notes,
            "obstacle": helm.stays(deployment),
            "objects": [f"{kind} {name}" for kind in TAKEN if kind in mine],
            "others": [f"{kind} {one}" for version, kind, one in record.objects if not (one == name and kind in mine)],
            "taken_over": deployment["metadata"].get("labels", {}).get(MANAGED_BY) == self.managed_by,
            "pods": self.pods(labels),
        }

    def deployment(self, record: helm.Release) -> Object:
        for version, kind, name in record.objects:
            if kind == "Deployment" and (found := self.live(version, kind, name)) and helm.server(found):
                return found
        raise Problem(
            f"The release {self.name!r} in namespace {self.namespace!r}, of the chart {record.chart}, has no Deployment in the "
            "cluster with a container that has ZDDC_ROOT: it is not a release of zddc-server. Name another: -e release=NAME"
        )

    def pods(self, labels: dict[str, str]) -> list[Object]:
        every = self.listed("pods", selector(labels))
        return [
            {
                "name": pod["metadata"]["name"],
                "uid": pod["metadata"]["uid"],
                "node": pod["spec"].get("nodeName", ""),
                "mounts": helm.shared(pod["spec"]),
                "container": (helm.server({"spec": {"template": pod}}) or {"name": ""})["name"],
            }
            for pod in every
            if pod["metadata"]["labels"].get(MANAGED_BY) != self.managed_by
        ]


def work(caller: Caller) -> Object:
    name, namespace = caller.params["name"], caller.params["namespace"]
    api = connect(caller, PREFIX)
    with api.about(f"The release {name!r} in namespace {namespace!r}"):
        return Reader(api, caller.params).read()


def main() -> None:
    run(work, ARGUMENT_SPEC)


if __name__ == "__main__":
    main()
