#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: Says what an apply of an instance's objects would change, and what stands in its way
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Looks whether the cluster can be reached, whether the namespace and the claim are there, whether objects of the same
    names belong to somebody else, and, by the cluster's own dry run, whether it takes the objects. It only reads.
  - Says of each object whether an apply would create it, change it or leave it, and which of its fields somebody else has
    set or added since the last apply, read from C(metadata.managedFields).
  - Where pods are to have users of their own (C(hostUsers) is false), it looks whether the cluster keeps that, and, as far as
    it may read volumes and nodes, whether they can do it.
  - Looks whether the pods can have the claim. It must be one that can be written to, and where it can be on one node alone, there
    must be one pod, which does not roll across nodes, as far as nodes and volumes may be read.
  - Asks by a dry run whether the cluster admits the Deployment's pods. A user who may not make pods hears of a namespace
    whose label C(pod-security.kubernetes.io/enforce) is too strict, if the namespace may be read.
  - Reads the instance's history, the ControllerRevisions with O(owner_labels), and says which objects of it are not
    wanted any more.
  - All problems are reported together.
  - It ends within 9 seconds and O(outage_timeout), also where the cluster does not answer at all.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
  - varasys.zddc.api.instance
  - varasys.zddc.api.outage
  - varasys.zddc.internal
options:
  definitions:
    description: The objects that are wanted, as full manifests in that namespace. None, where all are to be removed.
    type: list
    elements: dict
    default: []
  set_by:
    description: The variables that give what is in an object, by kind, to be named when the cluster refuses it. Those
      under an empty kind are for all other kinds.
    type: dict
    default: {}
  known:
    description: Objects that the instance may have besides those of its history.
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
    description: Field managers whose fields are left to them, an autoscaler's for example.
    type: list
    elements: str
    default: [kube-controller-manager]
  force_conflicts:
    description: Whether what other managers have set will be taken back. Without it that is a problem.
    type: bool
    default: true
  take_over:
    description: Whether objects of the wanted names that belong to somebody else will be taken over. Without it they are
      a problem.
    type: bool
    default: false
  create_namespace:
    description: Whether the namespace may be missing, since it will be made.
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
    description: Access mode that this claim is taken to have.
    type: str
    default: ReadWriteOnce
  pinned:
    description: Whether the ref of O(record) is a tag that must not move. What the Deployment in the cluster says of it in
      its pods' annotations must then be the same commit.
    type: bool
    default: false
  record:
    description: What to note in the history beside the objects, such as C(mode), C(repo), C(ref), C(commit), C(host).
      Empty, where no record is to be made.
    type: dict
    default: {}
  history_limit:
    description: How many records to keep.
    type: int
    default: 10
  cautions:
    description: Sentences to warn of, whatever the cluster says, unless all is to be removed.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds that the cluster has for the answer to one request.
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
- name: Say what would change
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
  description: The same.
  type: bool
  returned: success
  sample: false
work:
  description: Whether anything is left to do, a rollout that has not come to its end for example.
  type: bool
  returned: success
  sample: false
instance:
  description: Which instance it is, by its name, its namespace and its cluster; empty where the kubeconfig leads to none.
  type: str
  returned: always
  sample: zddc-server-prod in namespace documents of the cluster at https://10.0.0.5:6443
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
  returned: always
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
    volume:
      description: Name of the volume that it is bound to; empty where there is none yet.
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
      description: Whether an apply makes pods, since their template is another, or more of them are wanted.
      type: bool
      sample: true
    definition:
      description: What to apply, without the fields that are left to O(allowed_managers).
      type: dict
      sample: {}
    drift:
      description: What somebody else has set or added, a sentence or two each.
      type: list
      elements: str
      sample:
        - "Deployment zddc-server-prod: spec.replicas is 3, set by kubectl at 2026-11-23T09:32:30Z. The role sets 1."
    adopt:
      description: Whether somebody else has added fields, which an apply alone would leave.
      type: bool
      sample: false
remove:
  description: Objects of this instance that are not wanted, as P(varasys.zddc.apply#module) takes them.
  type: list
  elements: dict
  returned: success
  sample:
    - apiVersion: networking.k8s.io/v1
      kind: Ingress
      metadata: {name: zddc-server-prod, namespace: documents, uid: 0b7c2a52-3a5d-4a57-9a33-1d6a2b1f4a10}
build:
  description: The Deployment, where an apply makes pods of it that take what they run from a build cache.
  type: dict
  returned: success
  sample: {}
replicas:
  description: Pods of the Deployment, as P(varasys.zddc.rollout#module) counts them. Empty where something changes.
  type: dict
  returned: success
  sample: {wanted: 1, updated: 1, ready: 1, available: 1}
record:
  description: Name of the record in the history that stands for the wanted objects.
  type: str
  returned: success
  sample: zddc-server-prod-v3
new_record:
  description: That record, where it has to be made.
  type: dict
  returned: success
  sample: {}
good:
  description: The last record that served, where it is another one, as P(varasys.zddc.history_info#module) gives it.
  type: dict
  returned: success
  sample: {}
surplus:
  description: The records that are over the limit, as P(varasys.zddc.apply#module) takes them. Where nothing is wanted, all.
  type: list
  elements: dict
  returned: success
  sample: []
reason:
  description: Why it failed, in a word, as the notes say. Empty where the cluster is not why.
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
