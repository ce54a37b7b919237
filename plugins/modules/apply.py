#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: apply
short_description: Applies, patches or deletes objects, and retries while the cluster does not answer
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Writes with P(kubernetes.core.k8s#module), once for all objects if possible, since each run of it takes seconds to start.
  - If the cluster does not answer or is temporarily unavailable, the write is retried for O(outage_timeout). A write that gets
    no answer at all stops after that time, O(wait_timeout) and 30 s more, and is not retried.
  - A failure has a RV(reason), so that a play does not have to parse its message.
  - A server-side apply removes a field only if its manager owns that field. A field that another manager has added stays, unless
    C(metadata.managedFields) names the applying manager as its owner. O(adopt) changes only that, before the apply. It leaves
    the status, and annotations that C(kubectl rollout restart) and controllers write, unchanged.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
  - varasys.zddc.api.outage
  - varasys.zddc.internal
options:
  state:
    description:
      - With V(present), the objects are applied, with server-side apply and O(field_manager). Without a field manager they are
        created, which needs no right to patch.
      - With V(patched), existing objects are changed.
      - With V(absent), they are deleted. A missing object is no failure, and a failed deletion does not prevent the next one.
    type: str
    choices: [present, patched, absent]
    default: present
  definitions:
    description:
      - The objects, in order.
      - To delete an object, give its C(apiVersion), C(kind) and C(metadata), with C(name) and C(namespace). With C(uid), no
        other object of that name is deleted. Without C(name), all objects with its C(labels) are deleted.
    type: list
    elements: dict
    default: []
  adopt:
    description: The objects to which other managers have added fields that the apply has to remove.
    type: list
    elements: dict
    default: []
  field_manager:
    description: The manager that will own the fields.
    type: str
  allowed_managers:
    description: Managers whose fields are not adopted, such as an autoscaler's.
    type: list
    elements: str
    default: [kube-controller-manager]
  propagation:
    description: How to delete the dependents of an object. The default is that of the kind.
    type: str
    choices: [Background, Foreground, Orphan]
  wait:
    description: Whether to wait until an object meets O(wait_condition), or is gone, before the next.
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
    description: The variables to name when the cluster rejects an object, by its kind. Those under an empty kind are for all
      other kinds.
    type: dict
    default: {}
  heading:
    description: The start of a message if the cluster rejects an object.
    type: str
    default: ""
  note:
    description: The end of such a message. Left out if the right to delete an object is missing, as the message names that right.
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
    description: It reports what it would change, and changes nothing.
  diff_mode:
    support: full
    description: The differences that P(kubernetes.core.k8s#module) returns.
"""

EXAMPLES = r"""
- name: Apply a Service and a Deployment, and revert what other managers have added to the latter
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
  description: Why it failed, in one word (see the notes). Empty if P(kubernetes.core.k8s#module) itself failed.
  type: str
  returned: failure
  sample: refused
left:
  description: The objects to delete that may still exist, as KIND NAME.
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
