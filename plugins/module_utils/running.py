# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Run the work of a module: a function that takes the caller, and returns a result or raises a Problem."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import Caller
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import Problem
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object

# The options of the connection, and those that the documentation fragment api.instance describes.
INSTANCE_ARG_SPEC: dict[str, dict[str, Any]] = {
    **AUTH_ARG_SPEC,
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "owner_labels": {"type": "dict", "required": True},
}
Work = Callable[[Caller], Object]


def outcome(work: Work, caller: Caller) -> Object:
    """Return the result. That of a failure has C(failed) and C(msg), and C(reason) if the cluster is the cause."""
    try:
        return {"changed": False, **work(caller)}
    except Problem as problem:
        return problem.result


def run(work: Work, argument_spec: dict[str, Any], **conditions: Any) -> None:
    """Do the work as a module."""
    module = AnsibleModule(argument_spec=argument_spec, supports_check_mode=True, **conditions)
    result = outcome(work, module)
    for warning in result.pop("warnings", []):
        module.warn(warning)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)
