# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Renders the manifests of an instance from its variables and the source, without a play or a cluster.

A template reads options, the variables without their prefix; instance and pods, what follows from these; source, what is
deployed; object, the labels and annotations of what it renders; scripts, what runs in the pods.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from posixpath import dirname
from typing import Any

import jinja2
import yaml

from ansible_collections.varasys.zddc.plugins.module_utils import names
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance import objects, pods
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.options import ROLE, Loader, Options
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.patch import merged

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """What is deployed."""

    commit: str
    at: str = ""
    """When the commit was looked up."""
    signature: Mapping[str, str] | None = None
    """Who signed it, and a digest of the signers that were trusted then."""


@cache
def environment() -> jinja2.Environment:
    """Return the templates of the role."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROLE / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        # The result is read as YAML, and every value is written as JSON.
        autoescape=False,
    )
    found.filters["to_json"] = json.dumps
    return found


@cache
def scripts() -> dict[str, str]:
    """Return the scripts of the pods by name."""
    return {path.stem: path.read_text(encoding="utf-8").rstrip() for path in (ROLE / "files").glob("*.sh")}


def rendered(template: str, **context: Any) -> Manifest:
    """Return the manifest that a template renders."""
    text = environment().get_template(template).render(scripts=scripts(), **context)
    return dict(yaml.load(text, Loader=Loader))


def manifests(options: Options, source: Source) -> list[Manifest]:
    """Return the wanted objects in the order in which they are applied, the user's own last."""
    return [*(manifest(options, source, one) for one in objects.table(options) if one.wanted), *extras(options)]


def manifest(options: Options, source: Source, one: objects.Object) -> Manifest:
    """Return an object with the user's patch."""
    own = signed(source) if one.kind == "Deployment" else {}
    metadata = {"name": one.name, **objects.metadata(options, one.option, objects.labels(options), own)}
    found = rendered(
        one.template, options=options, instance=instance(options), object=metadata, pods=of_pods(options, source), source=source
    )
    return dict(merged(found, options[f"{one.option}_patch"]))


def extras(options: Options) -> list[Manifest]:
    """Return the user's own objects, marked as this instance's."""
    owned = {"metadata": {"namespace": options.namespace, "labels": objects.owner_labels(options)}}
    return [pods.combined(item, owned) for item in options.extra_objects]


def file_names(options: Options) -> list[str]:
    """Return a file name for each of the manifests."""
    own = (one for one in objects.table(options) if one.wanted)
    return [
        *(
            f"{one.kind.lower()}{one.name.removeprefix(options.name) if one.name.startswith(options.name) else ''}.yaml"
            for one in own
        ),
        *(f"extra-{one['kind'].lower()}-{one['metadata']['name']}.yaml" for one in options.extra_objects),
    ]


def build_job(options: Options, deployment: Manifest) -> Manifest:
    """Return the Job that builds what the pods of a Deployment would build at their start. Its content decides its name."""
    template = deployment["spec"]["template"]
    own = {
        key: value
        for key, value in template["metadata"]["annotations"].items()
        if key.startswith((f"{names.OWN}git-", f"{names.OWN}build-"))
    }
    labels = objects.build_labels(options)
    found = rendered(
        "build_job.yml.j2",
        options=options,
        instance=instance(options),
        object=objects.metadata(options, "build_job", labels, own),
        pod=job_pod(options, template),
    )
    job = dict(merged(found, options.build_job_patch))
    mark = pods.digest(json.dumps(job, sort_keys=True), 10)
    return pods.combined(job, {"metadata": {"name": f"{options.name[:46]}-build-{mark}"}})


def job_pod(options: Options, template: Manifest) -> Manifest:
    """Return what the pod of a build takes from the pods of the Deployment."""
    spec, metadata = template["spec"], template["metadata"]
    steps = [
        {**one, "env": [*one["env"], {"name": "CACHE_REQUIRED", "value": "1"}], "resources": options.build_resources}
        for one in spec["initContainers"]
        if one["name"] in ("fetch", "build")
    ]
    used = {mount["name"] for step in steps for mount in step["volumeMounts"]}
    # A claim that the role creates may be given to the builder's group; one that the user names stays unchanged.
    group = {"fsGroup": options.run_as_group, "fsGroupChangePolicy": "OnRootMismatch"} if options.build_cache == "own" else {}
    noted = {key: value for key, value in metadata["annotations"].items() if key == names.PASSWD}
    together = {key: value for key, value in metadata["labels"].items() if key == names.BUILD_CACHE}
    return {
        "labels": {**objects.build_labels(options), **together, **options.build_pod_labels},
        "annotations": {**noted, **options.build_pod_annotations},
        "host_users": spec.get("hostUsers"),
        "security_context": {**spec["securityContext"], **group},
        "placement": {field: spec[field] for field in PLACEMENT if field in spec},
        "init_containers": steps[:-1],
        "containers": steps[-1:],
        "volumes": [volume for volume in spec["volumes"] if volume["name"] in used],
    }


def unmount_job(options: Options, pod: Manifest) -> Manifest:
    """Return the Job that undoes the mounts which a pod of the dev chart leaves on its node."""
    labels = {**objects.labels(options), names.NAME: "zddc-server-unmount"}
    return rendered(
        "unmount.yml.j2",
        options=options,
        object={"name": f"unmount-{pod['uid']}", "labels": labels, "annotations": {}},
        image_pull_secrets=pods.placement(options).get("imagePullSecrets", []),
        pod=pod,
    )


PLACEMENT = ("serviceAccountName", "imagePullSecrets", "priorityClassName", "nodeSelector", "tolerations", "affinity")


def signed(source: Source) -> dict[str, str]:
    """Return who signed the source, and who was trusted then, as annotations of the Deployment."""
    found = source.signature
    return {names.SIGNED_BY: found["signed_by"], names.TRUSTED_SIGNERS: found["trusted"]} if found else {}


def instance(options: Options) -> Manifest:
    """Return what follows from the variables and is not part of a pod."""
    return {
        "selector": objects.selector(options),
        "labels": objects.labels(options),
        "build_labels": objects.build_labels(options),
        "certificates": certificates(options),
        "clients": clients(options),
    }


def certificates(options: Options) -> list[Manifest]:
    """Return the Secrets with certificates for the Ingress, each with its hosts."""
    of_hosts = [(entry.get("tls_secret", options.ingress_tls_secret), entry["host"]) for entry in options.ingress_hosts]
    named = sorted((pair for pair in of_hosts if pair[0]), key=lambda pair: pair[0])
    return [
        {"secret": secret, "hosts": [host for _secret, host in pairs]}
        for secret, pairs in groupby(named, key=lambda pair: pair[0])
    ]


def clients(options: Options) -> list[Manifest]:
    """Return the clients that may reach the pods, in the terms of a NetworkPolicy."""
    selectors = {"namespace_selector": "namespaceSelector", "pod_selector": "podSelector"}
    return [
        {"ipBlock": {"cidr": one["cidr"]}}
        if "cidr" in one
        else {name: one[key] for key, name in selectors.items() if one.get(key) is not None}
        for one in options.allowed_clients
    ]


def of_pods(options: Options, source: Source) -> Manifest:
    """Return what is in the server's pods."""
    notes = {
        names.GIT_REPO: options.git_repo,
        names.GIT_REF: options.git_ref,
        names.GIT_COMMIT: source.commit,
        names.BUILD_IMAGE: options.build_image,
        names.BUILD_FLAGS: pods.build_flags(options),
    }
    anew = {names.DEPLOYED: source.at} if options.always_recreate else {}
    together = [
        {"labelSelector": {"matchLabels": objects.selector(options)}, **one} for one in options.topology_spread_constraints
    ]
    default = {"kubectl.kubernetes.io/default-container": "zddc-server"}
    return {
        "labels": {**objects.labels(options), names.MODE: options.mode, **pods.cache_label(options), **options.pod_labels},
        "annotations": {**default, **notes, **pods.passwd(options), **anew, **options.pod_annotations},
        "security_context": pods.pod_security_context(options),
        "unprivileged": pods.unprivileged(options),
        "placement": pods.placement(options),
        "topology_spread_constraints": together,
        "builders": pods.builders(options),
        "build_key": pods.build_key(options, source.commit),
        "build_flags": pods.build_flags(options),
        "build_env": pods.build_env(options),
        "build_resources": pods.build_resources(options),
        "access": list(pods.access(options)),
        "passwd": pods.passwd(options),
        "cache_claim": pods.cache_claim(options),
        "image_pull_policy": pods.pull_policy(options, options.image_pull_policy),
        "env": {name: value for name, value in {**pods.env(options), **options.extra_env}.items() if value is not None},
        "port": pods.port(options),
        "probes": pods.probes(options),
        "mounter": pods.mounter(options),
        "overlay_root": pods.overlay_root(options),
        "overlay_root_above": dirname(pods.overlay_root(options)),
        "merged": pods.MERGED,
        "binary": pods.BINARY,
        "stop_delay": pods.STOP_DELAY,
        "dirs": pods.DIRS,
    }
