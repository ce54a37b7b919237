#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: apply
short_description: Applies, patches or deletes objects, and tries again while the cluster is away
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Writes by P(kubernetes.core.k8s#module), once for all objects where that can be, since each run of it takes seconds to start.
  - Where the cluster does not answer, or says that it cannot just now, it writes again, for O(outage_timeout). One that does not
    answer at all is given up after that time, O(wait_timeout) and 30 s more, and is not tried again.
  - A failure has a RV(reason), so that a play need not read its message.
  - A server-side apply removes a field only if its manager owns that field. What somebody else has added stays, whatever
    is applied, unless C(metadata.managedFields) says that the manager owns it. O(adopt) changes that, and nothing else, before
    the apply. The status, and annotations that C(kubectl rollout restart) and controllers write in passing, are left alone.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
  - varasys.zddc.api.outage
  - varasys.zddc.internal
options:
  state:
    description:
      - With V(present), the objects are applied, from the server's side under O(field_manager). Without a field manager they are
        created, which needs no right to patch.
      - With V(patched), those that are there are changed.
      - With V(absent), they are deleted. One that is not there is no failure, and neither does one that fails keep the next from
        being deleted.
    type: str
    choices: [present, patched, absent]
    default: present
  definitions:
    description:
      - The objects, in their order.
      - To delete one needs its C(apiVersion), its C(kind) and its C(metadata), with a C(name) and a C(namespace). If it has
        C(uid) too, no other object of that name is deleted. Without a C(name), all with its C(labels) are.
    type: list
    elements: dict
    default: []
  adopt:
    description: Those of them of which others have added fields that the apply is to remove.
    type: list
    elements: dict
    default: []
  field_manager:
    description: The manager that is to own the fields.
    type: str
  allowed_managers:
    description: Managers whose fields are not adopted, such as an autoscaler's.
    type: list
    elements: str
    default: [kube-controller-manager]
  propagation:
    description: What becomes of objects that belong to a deleted one. The default is the kind's own.
    type: str
    choices: [Background, Foreground, Orphan]
  wait:
    description: Whether to wait until an object is as O(wait_condition) says, or has gone, before the next is seen to.
    type: bool
    default: false
  wait_condition:
    description: The condition to wait for, as P(kubernetes.core.k8s#module) takes it.
    type: dict
  wait_timeout:
    description: Seconds to wait for an object.
    type: int
    default: 120
  set_by:
    description: The variables that give what is in an object, by kind, to be named when the cluster refuses it. Those
      under an empty kind are for all other kinds.
    type: dict
    default: {}
  heading:
    description: What a message begins with if the cluster refuses an object.
    type: str
    default: ""
  note:
    description: What such a message ends with. Left out where an object may not be deleted, as the message names the right.
    type: str
    default: ""
attributes:
  action:
    support: full
    description: An action plugin runs P(kubernetes.core.k8s#module).
  async:
    support: none
    description: It waits itself.
  check_mode:
    support: full
    description: It says what it would change, and changes nothing.
  diff_mode:
    support: full
    description: The differences that P(kubernetes.core.k8s#module) gives.
"""

EXAMPLES = r"""
- name: Apply a Service and a Deployment, and take back what others have added to the latter
  varasys.zddc.apply:
    definitions: ["{{ service }}", "{{ deployment }}"]
    adopt: ["{{ deployment }}"]
    field_manager: varasys.zddc

- name: Delete an Ingress, and no other of its name
  varasys.zddc.apply:
    state: absent
    definitions:
      - apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata: {name: archive, namespace: documents, uid: 0b7c2a52-3a5d-4a57-9a33-1d6a2b1f4a10}
    propagation: Foreground
    wait: true
"""

RETURN = r"""
managers:
  description: The managers whose fields were adopted.
  type: list
  elements: str
  returned: success
  sample: [kubectl-edit]
reason:
  description: Why it failed, in a word, as the notes say. Empty where P(kubernetes.core.k8s#module) itself is what failed.
  type: str
  returned: failure
  sample: refused
left:
  description: The objects that were to be deleted and may be there still, as KIND NAME.
  type: list
  elements: str
  returned: when not all could be deleted
  sample: [Ingress archive]
"""

from ansible_collections.varasys.zddc.plugins.module_utils.apply import ARGUMENT_SPEC, ask
from ansible_collections.varasys.zddc.plugins.module_utils.running import run


def main() -> None:
    run(ask, ARGUMENT_SPEC)


if __name__ == "__main__":
    main()
