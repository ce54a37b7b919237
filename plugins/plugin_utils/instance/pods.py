# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is in the pods of the server and of its builds, as far as the variables decide it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils import names
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.options import Options, mode_set

Object = dict[str, Any]

# Where things lie in the pod.
DIRS = {
    "build": "/build",
    "bin": "/opt/zddc",
    "cache": "/cache",
    "access": "/access",
    "lower": "/zddc/lower",
    "scratch": "/zddc/scratch",
    "undo": "/zddc/undo",
}
BINARY = f"{DIRS['bin']}/zddc-server"
# Where the container that mounts the overlay does so. A sidecar that was killed finds it below the top of the volume, and
# can still undo it for all.
MERGED = "merged"
STOP_DELAY = 5
"""Seconds that an old pod serves on, until all of the cluster knows that it goes."""
DRAIN = 65
"""That, and the 60 s that the server gives a request."""
VOLUMES = ("access", "bin", "build", "cache", "data", "data-readonly", "overlay-scratch", "tmp")
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
# Names in the environment of the server that the mounter of the overlay reads.
MOUNTER_ENV = ("LOWER_DIR", "SCRATCH_DIR", "RUN_AS_USER", "RUN_AS_GROUP", "RUN_AS_GROUPS", "BINARY")
RESERVED_BUILD_ENV = re.compile(
    "((SOURCE|BUILD|CACHE|ACCESS)_.+|BIN_DIR|HOME|TMPDIR|GIT_TERMINAL_PROMPT|GIT_SSH_COMMAND|CGO_ENABLED|GOPATH|GOCACHE|GOMODCACHE)$"
)
"""Names in the environment of the fetch and the build that are the role's own."""
WAYS = re.compile(
    "(?i:(https?|all|no)_proxy|GO(NO)?PROXY|GO(NO)?SUMDB|GOPRIVATE|GOINSECURE|GOVCS|GOAUTH|SSL_CERT_(FILE|DIR)|GIT_.+)$"
)
"""Names that decide where the source and the modules come from, and not what is built of them."""


def digest(text: str, length: int) -> str:
    """Give a mark of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def combined(base: Mapping[str, Any], *others: Mapping[str, Any]) -> Object:
    """Merge mappings key by key, at any depth."""
    found = dict(base)
    for other in others:
        for key, value in other.items():
            below = found.get(key)
            found[key] = combined(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return found


def port(options: Options) -> int:
    """Give the port that the server listens on, 0 where the address has none."""
    found = re.search("[0-9]+$", options.addr)
    return int(found[0]) if found else 0


def shared_store(options: Options) -> bool:
    """Whether all pods of the instance write to the same place."""
    return bool(mode_set(options.mode)["__zddc_server_shared_store"])


def mounter(options: Options) -> str:
    """Give who mounts the overlay in dev."""
    return "server" if options.overlay_mounter == "auto" else str(options.overlay_mounter)


def overlay_root(options: Options) -> str:
    """Give where that one mounts it."""
    return f"/zddc/data/{MERGED}" if mounter(options) == "sidecar" else str(options.root)


def env(options: Options) -> dict[str, Any]:
    """Give the server's environment from variables. The template fixes FIXED_ENV."""
    given = {name: options[option] for name, option in names.ENVIRONMENT.items()}
    return {name: ",".join(value) if isinstance(value, list) else value for name, value in given.items()}


def probes(options: Options) -> dict[str, Object]:
    """Give the probes by name."""
    timings = combined(mode_set(options.mode)["zddc_server_probes"], options.probes)
    request = {"httpGet": {"path": "/", "port": "http"}}
    return {name: {**request, **timing} for name, timing in sorted(timings.items()) if timing}


# The build, and its cache


def own_cache(options: Options) -> str:
    """Give the name of the claim that the role makes for a cache."""
    return f"{options.name}-build-cache"


def cache_claim(options: Options) -> str:
    """Give the claim with the cache, empty where there is none."""
    return {"none": "", "own": own_cache(options), "claim": str(options.build_cache_claim)}[options.build_cache]


def cache_label(options: Options) -> dict[str, str]:
    """Give the label by which the pods of a cache find each other where it can be on one node alone."""
    claim = cache_claim(options)
    alone = claim and options.build_cache_access_mode == "ReadWriteOnce"
    return {names.BUILD_CACHE: digest(claim, 16)} if alone else {}


def pull_policy(options: Options, policy: str) -> str:
    """Give a policy. With a cache, a restart needs no registry."""
    return "IfNotPresent" if policy == "Always" and cache_claim(options) else policy


def builders(options: Options) -> list[Object]:
    """Give the containers that bring the binary: one where its image has both git and Go, since each takes a second."""

    def builder(part: str, *steps: str) -> Object:
        policy = pull_policy(options, options[f"{part}_image_pull_policy"])
        return {"name": part, "image": options[f"{part}_image"], "pull_policy": policy, "steps": steps}

    if options.fetch_image in ("", options.build_image):
        return [builder("build", "fetch", "build")]
    return [builder("fetch", "fetch"), builder("build", "build")]


def build_flags(options: Options) -> str:
    """Give Go's flags. CGO is off: the same commit with the same toolchain and flags is the same build, in whichever cache."""
    return " ".join(filter(None, ["-trimpath", options.build_env.get("GOFLAGS")]))


def build_env(options: Options) -> dict[str, Any]:
    """Give the environment of the fetch and the build, besides the role's own."""
    return {name: value for name, value in options.build_env.items() if name != "GOFLAGS" and value is not None}


def build_key(options: Options, commit: str) -> str:
    """Give what tells a build from others in the cache."""
    decisive = [{"key": name, "value": value} for name, value in build_env(options).items() if not WAYS.match(name)]
    built = {"commit": commit, "image": options.build_image, "flags": build_flags(options), "env": decisive}
    return digest(json.dumps(built, sort_keys=True), 20)


def build_resources(options: Options) -> Object:
    """Give those of the init containers. What these ask for counts as long as the pod lives: with a cache, the build has a
    pod of its own."""
    given: Object = options.build_resources
    if not cache_claim(options) or not given:
        return given
    limits = given.get("limits") or {}
    return {"limits": limits, "requests": dict.fromkeys({**limits, **(given.get("requests") or {})}, "0")}


def access(options: Options) -> Iterator[Object]:
    """Give what the fetch and the build get in with, and whom they trust: the sources of one folder of files."""
    ssh, token, bundle = options.git_ssh, options.git_token, options.ca_bundle
    if ssh:
        yield _file("secret", ssh.get("secret"), ssh.get("key") or "ssh-privatekey", "ssh-key")
        hosts = ssh.get("known_hosts_config_map")
        source, name = ("configMap", hosts) if hosts else ("secret", ssh.get("secret"))
        yield _file(source, name, ssh.get("known_hosts_key") or "known_hosts", "known_hosts")
        # ssh wants to know its user by name.
        field = {"fieldPath": f"metadata.annotations['{names.PASSWD}']"}
        yield {"downwardAPI": {"items": [{"path": "passwd", "fieldRef": field}]}}
    if token:
        yield _file("secret", token.get("secret"), token.get("password_key") or "password", "password")
        yield _file("secret", token.get("secret"), token.get("username_key") or "username", "username", optional=True)
    if bundle:
        config_map = bundle.get("config_map")
        source, name = ("configMap", config_map) if config_map else ("secret", bundle.get("secret"))
        yield _file(source, name, bundle.get("key") or "ca.crt", "ca.crt")


def _file(source: str, name: str | None, key: str, path: str, **more: Any) -> Object:
    return {source: {"name": name or "", "items": [{"key": key, "path": path}], **more}}


def passwd(options: Options) -> dict[str, str]:
    """Give the annotation with the user's line, where ssh needs one."""
    line = f"zddc:x:{options.run_as_user}:{options.run_as_group}::{DIRS['build']}/home:/bin/sh"
    return {names.PASSWD: line} if options.git_ssh else {}


# Where the pods run, and as whom


def own_account(options: Options) -> str:
    """Give the name of the service account that the role makes, where it makes one."""
    return str((options.service_account_create and options.service_account_name) or options.name)


def placement(options: Options) -> Object:
    """Give what the pods of the server and of the builds have alike. What is empty is left out."""
    account = own_account(options) if options.service_account_create else options.service_account_name or "default"
    found = {
        # Always told: the API server keeps the name in a second field too, which an apply without the first would leave.
        "serviceAccountName": account,
        "imagePullSecrets": [{"name": secret} for secret in options.image_pull_secrets],
        "priorityClassName": options.priority_class_name,
        "nodeSelector": options.node_selector,
        "tolerations": options.tolerations,
        "affinity": affinity(options),
    }
    return {field: value for field, value in found.items() if value}


def affinity(options: Options) -> Object:
    """Give the affinity: the pods of the server and of its builds find a cache that can be on one node alone."""
    given: Object = options.affinity
    label = cache_label(options)
    if not label:
        return given
    of_pods = given.get("podAffinity") or {}
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": label}}
    return {**given, "podAffinity": {**of_pods, REQUIRED: [*(of_pods.get(REQUIRED) or []), term]}}


def pod_security_context(options: Options) -> Object:
    """Give that of the pods."""
    group = options.fs_group
    return combined(
        {"supplementalGroups": options.supplemental_groups, "seccompProfile": {"type": "RuntimeDefault"}},
        {"fsGroup": group, "fsGroupChangePolicy": "OnRootMismatch"} if group else {},
        options.pod_security_context,
    )


def unprivileged(options: Options) -> Object:
    """Give the security context of every container that needs no privilege."""
    return combined(
        {
            "runAsNonRoot": True,
            "runAsUser": options.run_as_user,
            "runAsGroup": options.run_as_group,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        options.security_context,
    )
