# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the variables decide about the pods of the server and of its builds."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils import names
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.options import Options, mode_set

Object = dict[str, Any]

# Paths in the pod.
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
# The folder in which a sidecar mounts the overlay. Since it is below the top of the volume, a sidecar that was killed can still
# find the mount and remove it for all containers.
MERGED = "merged"
STOP_DELAY = 5
"""Seconds that an old pod continues to serve, until all of the cluster knows that it stops."""
DRAIN = 65
"""STOP_DELAY and the 60 s that the server gives a request."""
VOLUMES = ("access", "bin", "build", "cache", "data", "data-readonly", "overlay-scratch", "tmp")
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
# Names in the server's environment that the overlay's mounter reads.
MOUNTER_ENV = ("LOWER_DIR", "SCRATCH_DIR", "RUN_AS_USER", "RUN_AS_GROUP", "RUN_AS_GROUPS", "BINARY")
RESERVED_BUILD_ENV = re.compile(
    "((SOURCE|BUILD|CACHE|ACCESS)_.+|BIN_DIR|HOME|TMPDIR|GIT_TERMINAL_PROMPT|GIT_SSH_COMMAND|CGO_ENABLED|GOPATH|GOCACHE|GOMODCACHE)$"
)
"""Names in the environment of the fetch and the build that only the role sets."""
WAYS = re.compile(
    "(?i:(https?|all|no)_proxy|GO(NO)?PROXY|GO(NO)?SUMDB|GOPRIVATE|GOINSECURE|GOVCS|GOAUTH|SSL_CERT_(FILE|DIR)|GIT_.+)$"
)
"""Names that decide where the source and the modules come from, but not what is built."""


def digest(text: str, length: int) -> str:
    """Return the first digits of a text's SHA-256."""
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
    """Return the port that the server listens on, 0 if the address has none."""
    found = re.search("[0-9]+$", options.addr)
    return int(found[0]) if found else 0


def shared_store(options: Options) -> bool:
    """Check whether all pods of the instance write to the same place."""
    return bool(mode_set(options.mode)["__zddc_server_shared_store"])


def mounter(options: Options) -> str:
    """Return what mounts the overlay in dev."""
    return "server" if options.overlay_mounter == "auto" else str(options.overlay_mounter)


def overlay_root(options: Options) -> str:
    """Return where the overlay is mounted."""
    return f"/zddc/data/{MERGED}" if mounter(options) == "sidecar" else str(options.root)


def env(options: Options) -> dict[str, Any]:
    """Return the server's environment from variables. The template sets FIXED_ENV."""
    given = {name: options[option] for name, option in names.ENVIRONMENT.items()}
    return {name: ",".join(value) if isinstance(value, list) else value for name, value in given.items()}


def probes(options: Options) -> dict[str, Object]:
    """Return the probes by name."""
    timings = combined(mode_set(options.mode)["zddc_server_probes"], options.probes)
    request = {"httpGet": {"path": "/", "port": "http"}}
    return {name: {**request, **timing} for name, timing in sorted(timings.items()) if timing}


# The build and its cache


def own_cache(options: Options) -> str:
    """Return the name of the claim that the role creates for a cache."""
    return f"{options.name}-build-cache"


def cache_claim(options: Options) -> str:
    """Return the claim with the cache, empty if there is none."""
    return {"none": "", "own": own_cache(options), "claim": str(options.build_cache_claim)}[options.build_cache]


def cache_label(options: Options) -> dict[str, str]:
    """Return the label that brings the pods of a cache together if the cache can be on only one node."""
    claim = cache_claim(options)
    alone = claim and options.build_cache_access_mode == "ReadWriteOnce"
    return {names.BUILD_CACHE: digest(claim, 16)} if alone else {}


def pull_policy(options: Options, policy: str) -> str:
    """Return a pull policy. With a cache, a restart needs no registry."""
    return "IfNotPresent" if policy == "Always" and cache_claim(options) else policy


def builders(options: Options) -> list[Object]:
    """Return the containers that provide the binary: one if its image has both git and Go, since each takes a second."""

    def builder(part: str, *steps: str) -> Object:
        policy = pull_policy(options, options[f"{part}_image_pull_policy"])
        return {"name": part, "image": options[f"{part}_image"], "pull_policy": policy, "steps": steps}

    if options.fetch_image in ("", options.build_image):
        return [builder("build", "fetch", "build")]
    return [builder("fetch", "fetch"), builder("build", "build")]


def build_flags(options: Options) -> str:
    """Return Go's flags. CGO is off: the same commit with the same toolchain and flags is the same build in any cache."""
    return " ".join(filter(None, ["-trimpath", options.build_env.get("GOFLAGS")]))


def build_env(options: Options) -> dict[str, Any]:
    """Return the environment of the fetch and the build, without the role's own."""
    return {name: value for name, value in options.build_env.items() if name != "GOFLAGS" and value is not None}


def build_key(options: Options, commit: str) -> str:
    """Return the key of a build in the cache."""
    decisive = [{"key": name, "value": value} for name, value in build_env(options).items() if not WAYS.match(name)]
    built = {"commit": commit, "image": options.build_image, "flags": build_flags(options), "env": decisive}
    return digest(json.dumps(built, sort_keys=True), 20)


def build_resources(options: Options) -> Object:
    """Return the resources of the init containers. Their requests count as long as the pod lives, so they are 0 with a cache,
    where the build has its own pod."""
    given: Object = options.build_resources
    if not cache_claim(options) or not given:
        return given
    limits = given.get("limits") or {}
    return {"limits": limits, "requests": dict.fromkeys({**limits, **(given.get("requests") or {})}, "0")}


def access(options: Options) -> Iterator[Object]:
    """Yield the credentials and the trusted certificates of the fetch and the build: the sources of one folder of files."""
    ssh, token, bundle = options.git_ssh, options.git_token, options.ca_bundle
    if ssh:
        yield _file("secret", ssh.get("secret"), ssh.get("key") or "ssh-privatekey", "ssh-key")
        hosts = ssh.get("known_hosts_config_map")
        source, name = ("configMap", hosts) if hosts else ("secret", ssh.get("secret"))
        yield _file(source, name, ssh.get("known_hosts_key") or "known_hosts", "known_hosts")
        # ssh needs a name for its user.
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
    """Return the annotation with the user's passwd line, if ssh needs one."""
    line = f"zddc:x:{options.run_as_user}:{options.run_as_group}::{DIRS['build']}/home:/bin/sh"
    return {names.PASSWD: line} if options.git_ssh else {}


# Where the pods run, and as which user


def own_account(options: Options) -> str:
    """Return the name of the service account that the role creates, if it creates one."""
    return str((options.service_account_create and options.service_account_name) or options.name)


def placement(options: Options) -> Object:
    """Return what the pods of the server and of the builds share, without empty fields."""
    account = own_account(options) if options.service_account_create else options.service_account_name or "default"
    found = {
        # Always set: the API server copies the name to a second field, which an apply without the first would leave.
        "serviceAccountName": account,
        "imagePullSecrets": [{"name": secret} for secret in options.image_pull_secrets],
        "priorityClassName": options.priority_class_name,
        "nodeSelector": options.node_selector,
        "tolerations": options.tolerations,
        "affinity": affinity(options),
    }
    return {field: value for field, value in found.items() if value}


def affinity(options: Options) -> Object:
    """Return the affinity, which brings the pods of the server and of its builds to a cache that can be on only one node."""
    given: Object = options.affinity
    label = cache_label(options)
    if not label:
        return given
    of_pods = given.get("podAffinity") or {}
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": label}}
    return {**given, "podAffinity": {**of_pods, REQUIRED: [*(of_pods.get(REQUIRED) or []), term]}}


def pod_security_context(options: Options) -> Object:
    """Return the security context of the pods."""
    group = options.fs_group
    return combined(
        {"supplementalGroups": options.supplemental_groups, "seccompProfile": {"type": "RuntimeDefault"}},
        {"fsGroup": group, "fsGroupChangePolicy": "OnRootMismatch"} if group else {},
        options.pod_security_context,
    )


def unprivileged(options: Options) -> Object:
    """Return the security context of every container that needs no privilege."""
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
