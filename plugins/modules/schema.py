#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: schema
short_description: Validates manifests against the schemas of a Kubernetes version, without a cluster
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Validates each manifest against the schema of its kind. Unknown fields are problems.
  - A kind without a schema, such as a custom resource, is listed but not checked.
requirements:
  - the Python library kubernetes-validate, 1.37.0 for example
extends_documentation_fragment:
  - varasys.zddc.internal
options:
  definitions:
    description: The manifests.
    type: list
    elements: dict
    required: true
  kubernetes_version:
    description: Version of Kubernetes, such as V(1.34). The default is the newest that kubernetes-validate knows.
    type: str
  set_by:
    description: The variables to name when an object has a problem, by its kind. Those under an empty kind are for all others.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: It changes nothing, so it does the same in check mode.
"""

EXAMPLES = r"""
- name: Validate the manifests against Kubernetes 1.34
  varasys.zddc.schema:
    definitions: "{{ query('ansible.builtin.file', 'service.yaml', 'deployment.yaml') | map('from_yaml') }}"
    kubernetes_version: "1.34"
"""

RETURN = r"""
kubernetes_version:
  description: Version of the schemas.
  type: str
  returned: success
  sample: "1.34"
checked:
  description: The objects that have a schema.
  type: list
  elements: str
  returned: success
  sample: [Service zddc-server-prod, Deployment zddc-server-prod]
unchecked:
  description: The objects that have none.
  type: list
  elements: str
  returned: success
  sample: []
problems:
  description: The first problem of each object.
  type: list
  elements: str
  returned: always
  sample:
    - "Deployment zddc-server-prod: spec.replicas: 'two' is not of type 'integer', 'null'. It is set by zddc_server_*."
"""

import re
from typing import Any

from ansible.module_utils.basic import AnsibleModule

try:
    import kubernetes_validate
    from kubernetes_validate.utils import all_versions, major_minor
except ImportError:
    kubernetes_validate = None


def problem(error: Any, name: str, set_by: str) -> str:
    """Return the message for a problem: what does not fit, where, and which variables decide it."""
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.path).lstrip(".")
    decided = f". It is set by {set_by}." if set_by else "."
    return ": ".join(filter(None, (name, where, error.message))) + decided


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "definitions": {"type": "list", "elements": "dict", "required": True},
            "kubernetes_version": {"type": "str"},
            "set_by": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    if kubernetes_validate is None:
        module.fail_json(
            msg="The Python library kubernetes-validate is missing, for the Python that runs ansible-playbook. "
            "Install it: pip install kubernetes-validate",
            problems=[],
        )
    known = list(dict.fromkeys(map(major_minor, all_versions())))
    wanted = module.params["kubernetes_version"]
    version = re.sub(r"^v?(\d+\.\d+)(\.\d+)?$", r"\1", wanted) if wanted else known[-1]
    if version not in known:
        module.fail_json(
            msg=f"kubernetes_version is '{wanted}', and the schemas of kubernetes-validate are {known[0]} to {known[-1]}. "
            "Name one of these, or install a newer kubernetes-validate.",
            problems=[],
        )
    set_by: dict[str, str] = module.params["set_by"]
    problems, checked, unchecked = [], [], []
    for definition in module.params["definitions"]:
        kind = definition["kind"]
        name = f"{kind} {definition['metadata']['name']}"
        try:
            kubernetes_validate.validate(definition, version, strict=True)
        except kubernetes_validate.SchemaNotFoundError:
            unchecked.append(name)
            continue
        except kubernetes_validate.ValidationError as error:
            problems.append(problem(error, name, set_by.get(kind, set_by.get("", ""))))
        checked.append(name)
    if problems:
        verdict = f"This does not fit Kubernetes {version}. Nothing was changed. Fix this and run again:"
        module.fail_json(msg="\n- ".join([verdict, *problems]), problems=problems)
    module.exit_json(changed=False, kubernetes_version=version, checked=checked, unchecked=unchecked, problems=[])


if __name__ == "__main__":
    main()
