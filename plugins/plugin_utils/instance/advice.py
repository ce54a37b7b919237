# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Advice for the user: the variables that decide whether a pod becomes ready, and what to know before a deploy."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ansible_collections.varasys.zddc.plugins.module_utils.names import PREFIX
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.exposure import doors, unguarded
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.options import Options
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.pods import cache_claim, mounter, shared_store

# What a container does, as shown during the wait for the rollout.
STAGES = {"fetch": "fetching", "build": "building", "overlay": "mounting", "zddc-server": "starting"}
DecidedBy = dict[str, list[str]]
"""Variables by container, by memory/CONTAINER and by PersistentVolumeClaim/NAME; for a pod without a failed container, under
the empty name."""


def cautions(options: Options) -> Iterator[str]:
    """Yield what to know before a deploy, though it prevents nothing."""
    if mounter(options) == "init" and not shared_store(options):
        yield (
            f"{PREFIX}overlay_mounter is init: every pod leaves its overlay mounted on the node, and stays Terminating until "
            "someone unmounts it there: umount /var/lib/kubelet/pods/POD-UID/volumes/kubernetes.io~empty-dir/data. The mounters "
            "server and sidecar leave nothing behind."
        )
    if said := unguarded(options):
        yield said
    if options.log_level == "debug" and (opened := ", ".join(doors(options))):
        yield (
            f"{PREFIX}log_level is debug, and {opened}: the log holds the headers of every request, including cookies and "
            "tokens. Set it to info, unless everyone who can read the log may act as these users."
        )
    if no_drain(options):
        yield (
            f"{PREFIX}disruption_budget is {json.dumps(options.disruption_budget)} with {options.replicas} replicas: no pod may "
            "be evicted, and no node that runs one can be drained. Allow one pod to be unavailable."
        )


def no_drain(options: Options) -> bool:
    """Check whether the budget allows no pod to be evicted."""
    most = str(options.disruption_budget.get("maxUnavailable", 1))
    least = str(options.disruption_budget.get("minAvailable", 0))
    kept = least == "100%" or (least.isdecimal() and int(least) >= options.replicas)
    return options.replicas > 1 and (most in ("0", "0%") or kept)


def of_the_build(options: Options) -> DecidedBy:
    """Return the variables that decide whether a build before a rollout succeeds; it does not mount the documents."""
    access = [name for name in ("git_ssh", "git_token", "ca_bundle", "build_env") if options[name]]
    users = [] if options.host_users else ["host_users"]
    group = ["fs_group"] if options.fs_group else []
    of_the_cache = {
        "none": [],
        "claim": ["build_cache_claim"],
        "own": ["build_cache", "build_cache_storage_class", "build_cache_access_mode", "build_cache_size"],
    }[options.build_cache]
    claim = cache_claim(options)
    return _prefixed(
        {
            "fetch": ["git_repo", "git_ref", "fetch_image", *access],
            "build": ["git_repo", "git_ref", "build_image", "build_cache", "build_resources", *access, *users],
            "memory/fetch": ["build_resources"],
            "memory/build": ["build_resources"],
            "memory/zddc-server": ["resources"],
            "overlay": ["data_claim", "image", "overlay_mounter"],
            "zddc-server": [
                *("git_ref", "image", "data_claim", "run_as_user", "run_as_group", "supplemental_groups", "extra_env"),
                *("resources", *group, *users),
            ],
            f"PersistentVolumeClaim/{claim}": of_the_cache,
            "": [
                *("namespace", "build_resources", *(["build_cache_access_mode"] if claim else [])),
                *(*access, *users),
            ],
        }
    )


def of_the_rollout(options: Options) -> DecidedBy:
    """Return the variables that decide whether the server's pods become ready."""
    build = of_the_build(options)
    group = ["fs_group"] if options.fs_group else []
    documents = _prefixed({f"PersistentVolumeClaim/{options.data_claim}": ["data_claim"], "": ["data_claim", "resources"]})
    return {**build, **documents, "": [*documents[""], *build[""], *_prefixed({"": group})[""]]}


def _prefixed(found: DecidedBy) -> DecidedBy:
    return {key: [f"{PREFIX}{name}" for name in short] for key, short in found.items()}
