#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: Shows what an apply of an instance's objects would change, and what prevents it
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Checks whether the cluster answers, whether the namespace and the claim exist, whether another manager owns objects of the
    same names, and, with a server-side dry run, whether the cluster accepts the objects. It only reads.
  - Reports whether an apply would create, change or keep each object, and which of its fields other managers have set or
    added since the last apply, according to C(metadata.managedFields).
  - If pods run in a user namespace (C(hostUsers) is false), it checks whether the cluster keeps that field and, if it may read
    volumes and nodes, whether these support it.
  - Checks whether the pods can use the claim. The claim must be writable. If it can be on only one node, there must be only one
    pod, and an update must not move it to another node. This is checked as far as the user may read nodes and volumes.
  - Checks with a dry run whether the cluster admits the Deployment's pods. If the user may not create pods but may read the
    namespace, it checks its label C(pod-security.kubernetes.io/enforce) instead.
  - Reads the instance's history, the ControllerRevisions with O(owner_labels), and reports which of its objects are no longer
    wanted.
  - All problems are reported together.
  - It ends within 9 seconds plus O(outage_timeout), even if the cluster does not answer at all.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
  - varasys.zddc.api.instance
  - varasys.zddc.api.outage
  - varasys.zddc.internal
options:
  definitions:
    description: The wanted objects, as full manifests in that namespace. Empty to remove all.
    type: list
    elements: dict
    default: []
  set_by:
    description: The variables to name when the cluster rejects an object, by its kind. Those under an empty kind are for all
      other kinds.
    type: dict
    default: {}
  known:
    description: Objects that the instance may have in addition to those of its history.
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
  field_manager:
    description: Name under which the objects are applied.
    type: str
    default: varasys.zddc
  allowed_managers:
    description: Field managers whose fields stay unchanged, such as an autoscaler.
    type: list
    elements: str
    default: [kube-controller-manager]
  force_conflicts:
    description: Whether fields that other managers have set will be reverted. Without it, they are a problem.
    type: bool
    default: true
  take_over:
    description: Whether objects of the wanted names with another owner will be taken over. Without it, they are a problem.
    type: bool
    default: false
  create_namespace:
    description: Whether the namespace may be missing, since it will be created.
    type: bool
    default: false
  data_claim:
    description: PersistentVolumeClaim that must exist in the namespace and must not be lost. Empty for no check.
    type: str
    default: ""
  build_cache_claim:
    description: PersistentVolumeClaim of the build cache that must exist in the namespace too. Empty for no check.
    type: str
    default: ""
  build_cache_access_mode:
    description: Access mode that this claim is assumed to have.
    type: str
    default: ReadWriteOnce
  pinned:
    description: Whether the ref of O(record) is a tag that must not move. If the pods in the cluster are annotated
      with the same repository and ref, their commit must then be the same too.
    type: bool
    default: false
  record:
    description: What to record in the history in addition to the objects, such as C(mode), C(repo), C(ref), C(commit), C(host).
      Empty for no record.
    type: dict
    default: {}
  history_limit:
    description: How many records to keep.
    type: int
    default: 10
  cautions:
    description: Warnings to show in any case, unless all objects are to be removed.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds within which the cluster has to answer a request.
    type: int
    default: 5
attributes:
  check_mode:
    support: full
    description: It changes nothing in either mode. In check mode a namespace or a claim that is missing is a warning.
  diff_mode:
    support: full
    description: A difference for each object that an apply would change.
"""

EXAMPLES = r"""
- name: Show what would change
  varasys.zddc.plan:
    kubeconfig: ~/.kube/config
    name: zddc-server-prod
    namespace: documents
    data_claim: zddc-root
    definitions: "{{ query('ansible.builtin.file', 'service.yaml', 'deployment.yaml') | map('from_yaml') }}"
    owner_labels:
      app.kubernetes.io/instance: zddc-server-prod
      app.kubernetes.io/managed-by: varasys.zddc
  diff: true
"""

RETURN = r"""
changed:
  description: Whether an apply would change anything.
  type: bool
  returned: success
  sample: false
change:
  description: The same as RV(changed).
  type: bool
  returned: success
  sample: false
work:
  description: Whether anything is left to do, such as a rollout that has not finished.
  type: bool
  returned: success
  sample: false
instance:
  description: Name, namespace and cluster of the instance; empty if the kubeconfig leads to no cluster.
  type: str
  returned: always
  sample: zddc-server-prod in namespace documents of the cluster at https://10.0.0.5:6443
kubernetes_version:
  description: Version of the cluster.
  type: str
  returned: when the cluster answers
  sample: v1.34.4
check_mode:
  description: Whether this is a dry run, through C(--check) or a task's keyword, which C(ansible_check_mode) does not show.
  type: bool
  returned: always
  sample: false
namespace_exists:
  description: Whether the namespace exists. True if the user may not read namespaces.
  type: bool
  returned: when the cluster answers
  sample: true
claim:
  description: State of the claim; empty if it was not checked or is missing.
  type: dict
  returned: always
  contains:
    phase:
      description: Phase of the claim.
      type: str
      sample: Bound
    access_modes:
      description: Access modes that the claim requests.
      type: list
      elements: str
      sample: [ReadWriteMany]
    volume:
      description: Name of the volume that it is bound to; empty if there is none yet.
      type: str
      sample: documents
objects:
  description: The wanted objects.
  type: list
  elements: dict
  returned: success
  contains:
    api_version:
      description: API group and version of the object.
      type: str
      sample: apps/v1
    kind:
      description: Kind of the object.
      type: str
      sample: Deployment
    name:
      description: Name of the object.
      type: str
      sample: zddc-server-prod
    change:
      description: What an apply would do, C(create), C(change) or C(none).
      type: str
      sample: change
    new_pods:
      description: Whether an apply creates pods, because their template changes or more of them are wanted.
      type: bool
      sample: true
    definition:
      description: What to apply, without the fields of O(allowed_managers).
      type: dict
      sample: {}
    drift:
      description: What other managers have set or added, one or two sentences each.
      type: list
      elements: str
      sample:
        - "Deployment zddc-server-prod: spec.replicas is 3, set by kubectl at 2026-11-23T09:32:30Z. The role sets 1."
    adopt:
      description: Whether other managers have added fields, which an apply alone would not remove.
      type: bool
      sample: false
remove:
  description: Objects of this instance that are no longer wanted, as P(varasys.zddc.apply#module) takes them.
  type: list
  elements: dict
  returned: success
  sample:
    - apiVersion: networking.k8s.io/v1
      kind: Ingress
      metadata: {name: zddc-server-prod, namespace: documents, uid: 0b7c2a52-3a5d-4a57-9a33-1d6a2b1f4a10}
build:
  description: The Deployment, if an apply creates pods of it that take their binary from a build cache.
  type: dict
  returned: success
  sample: {}
replicas:
  description: Pods of the Deployment, as P(varasys.zddc.rollout#module) counts them. Empty if anything changes.
  type: dict
  returned: success
  sample: {wanted: 1, updated: 1, ready: 1, available: 1}
record:
  description: Name of the record of the wanted objects in the history.
  type: str
  returned: success
  sample: zddc-server-prod-v3
new_record:
  description: That record, if it has to be created.
  type: dict
  returned: success
  sample: {}
good:
  description: The last record that served, if it is another one, as P(varasys.zddc.history_info#module) returns it.
  type: dict
  returned: success
  sample: {}
surplus:
  description: The records over the limit, as P(varasys.zddc.apply#module) takes them. All records if no object is wanted.
  type: list
  elements: dict
  returned: success
  sample: []
reason:
  description: Why it failed, in one word (see the notes). Empty if the cluster is not the cause.
  type: str
  returned: always
  sample: ""
"""

from ansible_collections.varasys.zddc.plugins.module_utils.compare.plan import ARGUMENT_SPEC, look
from ansible_collections.varasys.zddc.plugins.module_utils.running import run


def main() -> None:
    run(look, ARGUMENT_SPEC)


if __name__ == "__main__":
    main()
