# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the role's tasks read about an instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.names import FIELD_MANAGER, INSTANCE
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance import advice, objects, pods
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.options import Options, read, unknown
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.rules import problems


def checked(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the instance and the cautions, or the problems."""
    options, unfit = read(variables)
    if found := unknown(variables) + (unfit or problems(options)):
        return failure(found)
    return {"changed": False, "instance": instance(options), "cautions": list(advice.cautions(options))}


def failure(found: list[str]) -> dict[str, Any]:
    """Return the result if there are problems."""
    return {"failed": True, "msg": "\n- ".join(["Nothing was changed. Fix this and run again:", *found])}


def instance(options: Options) -> dict[str, Any]:
    """Return the variables and what follows from them, by name."""
    return {
        "options": dict(options),
        "field_manager": FIELD_MANAGER,
        "labels": objects.labels(options),
        "owner_labels": objects.owner_labels(options),
        # Selects its pods in kubectl.
        "selector": f"{INSTANCE}={options.name}",
        "build_labels": objects.build_labels(options),
        "objects": [one.identity for one in objects.table(options)],
        "set_by": objects.set_by(options),
        # Held by one run at a time, and renewed while it waits for a rollout.
        "lease": f"{FIELD_MANAGER}.{options.name}",
        "shared_store": pods.shared_store(options),
        "cache_claim": pods.cache_claim(options),
        # What a build needs in addition to its service account.
        "for_the_build": [pods.own_cache(options), objects.build_policy(options)],
        "stop_delay": pods.STOP_DELAY,
        "stages": advice.STAGES,
        "decided_by": advice.of_the_rollout(options),
        "build_decided_by": advice.of_the_build(options),
    }
