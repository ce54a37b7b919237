# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table of an instance's objects, and the fields that no patch may change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.names import (
    FIELD_MANAGER,
    FIXED_ENV,
    INSTANCE,
    MANAGED_BY,
    NAME,
    OWN,
    PREFIX,
)
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.options import Options, mode_set
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.patch import Path
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.pods import own_account, own_cache

NETWORKING = "networking.k8s.io/v1"
POD = ("spec", "template")
SELECTED: tuple[Path, ...] = (("spec", "selector"),)
PODS_SELECTED: tuple[Path, ...] = (("spec", "podSelector"),)
OWN_LABELS: tuple[Path, ...] = tuple(("metadata", "labels", name) for name in (NAME, INSTANCE, MANAGED_BY, f"{OWN}*"))
OWN_ANNOTATIONS: Path = ("metadata", "annotations", f"{OWN}*")
FIXED: tuple[Path, ...] = (
    ("apiVersion",),
    ("kind",),
    ("metadata", "name"),
    ("metadata", "namespace"),
    *OWN_LABELS,
    OWN_ANNOTATIONS,
)
"""What identifies an object as an instance's."""
FIXED_IN_PODS: tuple[Path, ...] = (
    ("spec", "selector"),
    *((*POD, *path) for path in (*OWN_LABELS, OWN_ANNOTATIONS)),
    *((*POD, "spec", "containers", "name=zddc-server", "env", f"name={name}") for name in FIXED_ENV),
)
"""What the role finds its pods by, and what the server must have."""
REFUSED_KINDS = ("Namespace", "PersistentVolume", "PersistentVolumeClaim", "Secret")
"""Kinds that no instance may have: data is never created or removed, and the history would store a Secret."""


@dataclass(frozen=True)
class Object:
    """An object that an instance may have."""

    kind: str
    api_version: str
    name: str
    option: str
    """Its part in the names of the variables for labels, annotations and patch."""
    template: str
    wanted: bool
    """Whether to apply it; otherwise it is removed."""
    set_by: str
    """The variables that decide its content."""
    fixed: tuple[Path, ...] = ()
    """The fields that no patch may change, in addition to FIXED."""

    @property
    def identity(self) -> dict[str, str]:
        """Return what finds it in the cluster."""
        return {"kind": self.kind, "api_version": self.api_version, "name": self.name}


def table(options: Options) -> list[Object]:
    """Return every object of an instance, in the order in which they are applied."""
    policies, template = f"{PREFIX}allowed_clients or {PREFIX}build_egress", f"deployment/{options.mode}.yml.j2"
    fixed_in_mode = [tuple(path) for path in mode_set(options.mode)["__zddc_server_fixed_in_mode"]]
    wanted = {
        "service_account": options.service_account_create,
        "build_cache": options.build_cache == "own",
        "build_network_policy": bool(options.build_egress),
        "network_policy": bool(options.allowed_clients),
        "disruption_budget": options.replicas > 1 and bool(options.disruption_budget),
        "ingress": options.ingress_enabled,
        "http_route": options.http_route_enabled,
    }

    def row(kind: str, api_version: str, option: str, name: str = options.name, **more: Any) -> Object:
        given = {"template": f"{option}.yml.j2", "wanted": wanted.get(option, True), "set_by": f"{PREFIX}{option}_*", **more}
        return Object(kind, api_version, name, option, **given)

    return [
        row("ServiceAccount", "v1", "service_account", own_account(options)),
        row("PersistentVolumeClaim", "v1", "build_cache", own_cache(options)),
        row("NetworkPolicy", NETWORKING, "build_network_policy", build_policy(options), set_by=policies, fixed=PODS_SELECTED),
        row("NetworkPolicy", NETWORKING, "network_policy", set_by=policies, fixed=PODS_SELECTED),
        row("Service", "v1", "service", fixed=SELECTED),
        row(
            "Deployment", "apps/v1", "deployment", template=template, set_by=f"{PREFIX}*", fixed=(*FIXED_IN_PODS, *fixed_in_mode)
        ),
        row("PodDisruptionBudget", "policy/v1", "disruption_budget", set_by=f"{PREFIX}disruption_budget*", fixed=SELECTED),
        row("Ingress", NETWORKING, "ingress"),
        row("HTTPRoute", "gateway.networking.k8s.io/v1", "http_route"),
    ]


def build_policy(options: Options) -> str:
    """Return the name of the builds' NetworkPolicy."""
    return f"{options.name}-build"


def set_by(options: Options) -> dict[str, str]:
    """Return the variables to name when the cluster rejects an object, by its kind."""
    return {**{one.kind: one.set_by for one in table(options)}, "": f"{PREFIX}extra_objects"}


# Ownership


def selector(options: Options) -> dict[str, str]:
    """Return the labels of the server's pods."""
    return {NAME: "zddc-server", INSTANCE: options.name}


def owner_labels(options: Options) -> dict[str, str]:
    """Return the labels of the instance's own objects: only objects with these labels are ever changed or removed."""
    return {INSTANCE: options.name, MANAGED_BY: FIELD_MANAGER}


def labels(options: Options) -> dict[str, str]:
    """Return the labels of every object."""
    return {**selector(options), **owner_labels(options)}


def build_labels(options: Options) -> dict[str, str]:
    """Return the labels of the builds before a rollout; the Service does not select their pods."""
    return {**labels(options), NAME: "zddc-server-build"}


def metadata(options: Options, option: str, own_labels: dict[str, str], own_annotations: dict[str, str]) -> dict[str, Any]:
    """Return the labels and the annotations of an object, with those from its variables."""
    return {
        "labels": {**own_labels, **options.labels, **options[f"{option}_labels"]},
        "annotations": {**options.annotations, **options[f"{option}_annotations"], **own_annotations},
    }
