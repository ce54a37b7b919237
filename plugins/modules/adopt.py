#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: adopt
short_description: Makes one field manager the owner of what others have set in an object
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - A server-side apply removes a field only if its manager owns that field. What somebody else has added stays, whatever
    is applied.
  - This module changes C(metadata.managedFields) so that the manager owns these fields, as applied. The next server-side
    apply under its name removes what it does not contain. The object itself stays as it is, and its pods run on.
  - The status, and annotations that C(kubectl rollout restart) and controllers write in passing, are left alone.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
  - varasys.zddc.api.outage
options:
  api_version:
    description: API group and version of the object.
    type: str
    required: true
  kind:
    description: Kind of the object.
    type: str
    required: true
  name:
    description: Name of the object.
    type: str
    required: true
  namespace:
    description: Namespace of the object.
    type: str
    required: true
  field_manager:
    description: The manager that is to own the fields.
    type: str
    required: true
  allowed_managers:
    description: Managers that keep theirs, such as an autoscaler.
    type: list
    elements: str
    default: [kube-controller-manager]
attributes:
  check_mode:
    support: full
    description: It says what it would change, and changes nothing.
"""

EXAMPLES = r"""
- name: Take what others have added
  varasys.zddc.adopt:
    api_version: apps/v1
    kind: Deployment
    name: zddc-server-prod
    namespace: documents
    field_manager: varasys.zddc
"""

RETURN = r"""
managers:
  description: The managers whose fields were taken.
  type: list
  elements: str
  returned: success
  sample: [kubectl-edit]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import OUTAGE_ARG_SPEC, Api, Kinds, connect
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError, ConnectionProblem
from ansible_collections.varasys.zddc.plugins.module_utils.compare.fields import adopted, owned_by_others

TRIES = 10
"""An object's status is written at any time, and each write makes the last look at it outdated."""


def adopt(api: Api, options: dict[str, Any], dry: bool) -> list[str]:
    """The managers whose fields were taken."""
    path = Kinds(api).path(*(options[key] for key in ("api_version", "kind", "namespace", "name")))
    if path is None:
        raise ApiError(f"knows no {options['kind']} of {options['api_version']}", "Correct the kind.")
    manager, allowed = options["field_manager"], options["allowed_managers"]
    for tries in range(TRIES):
        live = api.get(path)
        others = {one.manager for one in owned_by_others(live, manager) if one.manager not in allowed}
        if not others or dry:
            break
        patch = [
            {"op": "replace", "path": "/metadata/managedFields", "value": adopted(live, manager, allowed)},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
        ]
        try:
            api.send("patch", path, patch, "application/json-patch+json")
            break
        except ApiError as error:
            if error.status != 409 or tries == TRIES - 1:
                raise
    return sorted(others)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **AUTH_ARG_SPEC,
            **OUTAGE_ARG_SPEC,
            "api_version": {"type": "str", "required": True},
            "kind": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "namespace": {"type": "str", "required": True},
            "field_manager": {"type": "str", "required": True},
            "allowed_managers": {"type": "list", "elements": "str", "default": ["kube-controller-manager"]},
        },
        supports_check_mode=True,
    )
    options = module.params
    try:
        api = connect(module)
        managers = adopt(api, options, module.check_mode)
    except ConnectionProblem as problem:
        module.fail_json(msg=str(problem))
    except ApiError as error:
        what = f"{options['kind']} {options['name']!r} in namespace {options['namespace']!r}"
        module.fail_json(msg=f"{what}: the cluster at {api.address} {error.what}. {error.advice}".rstrip())
    module.exit_json(changed=bool(managers), managers=managers)


if __name__ == "__main__":
    main()
