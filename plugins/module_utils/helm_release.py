# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A release of the upstream charts: Helm's record of it, its objects, and its settings as variables of the role."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.module_utils.names import ENVIRONMENT, FIXED_ENV, INSTANCE, NAME, PREFIX, secret
from ansible_collections.varasys.zddc.plugins.module_utils.source.git_ref import credentials

# If it is missing, check_client reports it to the user.
with suppress(ImportError):
    import yaml

# Timing of a probe, with the defaults of Kubernetes: a value equal to its default counts as not set.
TIMING = {"initialDelaySeconds": 0, "periodSeconds": 10, "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3}
# Fields of a pod that become variables unchanged.
OF_A_POD = {
    "nodeSelector": "node_selector",
    "tolerations": "tolerations",
    "affinity": "affinity",
    "topologySpreadConstraints": "topology_spread_constraints",
    "priorityClassName": "priority_class_name",
}
# Labels and annotations that Helm, the charts and Kubernetes write themselves.
PASSING = re.compile(
    r"(app\.kubernetes\.io|helm\.sh|meta\.helm\.sh|deployment\.kubernetes\.io|kubectl\.kubernetes\.io|zddc)/|pod-template-hash$"
)


class Release(NamedTuple):
    """Helm's record of its newest revision."""

    revision: int
    chart: str
    status: str
    values: Object
    """The values of the chart, overridden by the user's."""
    objects: list[tuple[str, str, str]]
    """API version, kind and name of each."""


class Found(NamedTuple):
    """What the release sets."""

    variables: Object
    notes: list[str]
    """What the user has to decide, a sentence or two each."""


def newest(secrets: Iterable[Object], namespace: str) -> Release | None:
    """Return the newest of Helm's records; each Secret holds one."""
    numbered = [item for item in secrets if item["metadata"]["labels"].get("version", "").isdigit()]
    if not numbered:
        return None
    last = max(numbered, key=lambda item: int(item["metadata"]["labels"]["version"]))
    # Helm encodes its record, and a Secret encodes that again.
    record = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(last["data"]["release"]))))
    chart = record["chart"]["metadata"]
    return Release(
        record["version"],
        f"{chart['name']} {chart['version']}",
        record["info"]["status"],
        merged(record["chart"].get("values") or {}, record.get("config") or {}),
        identities(record["manifest"], namespace),
    )


def merged(under: Object, over: Object) -> Object:
    """Merge values as Helm does: null removes a value."""
    found = {**under}
    for key, value in over.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = merged(found[key], value)
        else:
            found[key] = value
    return found


def identities(manifest: str, namespace: str) -> list[tuple[str, str, str]]:
    """Return the objects of a release that are in its own namespace."""
    every = [item for item in yaml.safe_load_all(manifest) if item]
    return [
        (item["apiVersion"], item["kind"], item["metadata"]["name"])
        for item in every
        if item["metadata"].get("namespace", namespace) == namespace
    ]


def server(deployment: Object) -> Object | None:
    """Return the container that serves the documents."""
    for one in deployment["spec"]["template"]["spec"]["containers"]:
        if any(variable["name"] == "ZDDC_ROOT" for variable in one.get("env", [])):
            return dict(one)
    return None


def privileged(container: Object) -> bool:
    return bool(container.get("securityContext", {}).get("privileged"))


def overlay(pod: Object) -> Object | None:
    """Return the init container that mounts the overlay."""
    return next((one for one in pod.get("initContainers", []) if privileged(one)), None)


def shared(pod: Object) -> list[str]:
    """Return the volumes into which it mounts so that the node sees the mount, and keeps it after the pod is gone."""
    mounts = (overlay(pod) or {}).get("volumeMounts", [])
    return [one["name"] for one in mounts if one.get("mountPropagation") == "Bidirectional"]


def stays(deployment: Object) -> str:
    """Return why the role cannot take over its pods; empty if it can."""
    name, labels = deployment["metadata"]["name"], deployment["spec"]["selector"].get("matchLabels", {})
    wanted = {NAME: "zddc-server", INSTANCE: name}
    if labels == wanted and not deployment["spec"]["selector"].get("matchExpressions"):
        return ""
    shown = ", ".join(f"{key}={value}" for key, value in labels.items())
    return (
        f"Deployment {name!r} selects its pods by {shown}, which cannot be changed; the role's would select them by "
        f"{', '.join(f'{key}={value}' for key, value in wanted.items())}."
    )


def variables(deployment: Object, service: Object | None, ingress: Object | None, values: Object) -> Found:
    """Return what the release sets, by the names of the role's variables."""
    notes: list[str] = []
    metadata, spec = deployment["metadata"], deployment["spec"]
    pod, main = spec["template"]["spec"], server(deployment) or {}
    dev = overlay(pod) is not None
    found: Object = {"mode": "dev" if dev else "prod", "name": metadata["name"], "namespace": metadata["namespace"]}
    found |= of_the_source(pod, values, notes)
    found |= of_the_server(main, notes)
    found |= of_the_volumes(pod, main, notes)
    found |= of_the_user(pod, main)
    found |= of_the_pods(spec, main, notes)
    found |= of_the_metadata("pod", spec["template"]["metadata"])
    found |= of_the_metadata("deployment", metadata)
    if service:
        found |= of_the_service(service) | of_the_metadata("service", service["metadata"])
    if ingress:
        found |= of_the_ingress(ingress, notes) | of_the_metadata("ingress", ingress["metadata"])
    if ingress or (service and service["spec"]["type"] != "ClusterIP"):
        notes.append(
            f"{PREFIX}allowed_clients or {PREFIX}guarded_elsewhere: the server trusts the header with the user's e-mail. Name "
            "what may reach its pods, or declare that something else restricts access to them."
        )
    return Found({f"{PREFIX}{name}": value for name, value in found.items()}, notes)


def with_owner(found: Found, owner: str) -> Found:
    """Return it with the owner of the documents, as UID:GID, as the server's user, unless the release sets one."""
    if f"{PREFIX}run_as_user" in found.variables:
        return found
    if ids := re.fullmatch(r"([1-9]\d*):([1-9]\d*)", owner):
        return found._replace(
            variables={**found.variables, f"{PREFIX}run_as_user": int(ids[1]), f"{PREFIX}run_as_group": int(ids[2])}
        )
    said = "the documents belong to root" if re.fullmatch(r"0:\d+", owner) else "the documents belong to the group root"
    if not re.fullmatch(r"\d+:\d+", owner):
        said = "the owner of the documents could not be determined"
    note = (
        f"{PREFIX}run_as_user: {said}, "
        'and the server is never root here. What to do before the takeover: docs/from-helm.md, "The owner of the documents".'
    )
    return found._replace(notes=[*found.notes, note])


def of_the_source(pod: Object, values: Object, notes: list[str]) -> Object:
    found: Object = {}
    of_the_chart = values.get("zddc") if isinstance(values.get("zddc"), dict) else {}
    for key, name in (("gitRepo", "git_repo"), ("gitRef", "git_ref")):
        value = str((of_the_chart or {}).get(key) or "")
        if name == "git_repo" and credentials(value):
            notes.append(
                f"{PREFIX}git_repo: the release's URL contains a password or a token and was left out. Set it without one."
            )
        elif value:
            found[name] = value
        else:
            notes.append(f"{PREFIX}{name}: the release has no value zddc.{key}. Set it to what the release was built from.")
    builder = next((one for one in pod.get("initContainers", []) if not privileged(one)), None)
    if builder is None:
        return found
    image = builder["image"]
    with_git = re.sub(r"([-:])alpine[\d.]*$", lambda match: f"{match[1]}bookworm", image)
    if with_git != image:
        notes.append(
            f"{PREFIX}build_image: {image} has no git, and the role's build cannot add it: it does not run as root. "
            f"{with_git} is the same Go with git. Ensure that your nodes can pull it."
        )
    found |= {"build_image": with_git, "build_image_pull_policy": builder["imagePullPolicy"]}
    if builder.get("resources"):
        found["build_resources"] = builder["resources"]
    return found


def of_the_server(main: Object, notes: list[str]) -> Object:
    env = {one["name"]: one for one in main.get("env", [])}
    found: Object = {"image": main["image"], "image_pull_policy": main["imagePullPolicy"]}
    # For the origins, unset and empty differ.
    found["cors_origins"] = None
    for name, option in ENVIRONMENT.items():
        if name in env:
            value = env[name].get("value", "")
            found[option] = [one for one in value.split(",") if one] if option == "cors_origins" else value
    extra: Object = {}
    for name, one in env.items():
        if name in (*ENVIRONMENT, *FIXED_ENV):
            continue
        if "valueFrom" not in one and secret(name, one.get("value", "")):
            notes.append(
                f"{PREFIX}extra_env: {name} looks like a secret and was left out. Put its value into a Secret, and refer to it: "
                f"{{{name}: {{secretKeyRef: {{name: SECRET, key: KEY}}}}}}."
            )
        else:
            extra[name] = one["valueFrom"] if "valueFrom" in one else one.get("value", "")
    if extra:
        found["extra_env"] = extra
    if main.get("envFrom"):
        found["extra_env_from"] = main["envFrom"]
    if main.get("resources"):
        found["resources"] = main["resources"]
    probes = {
        kind: {key: probe[key] for key, usual in TIMING.items() if probe.get(key, usual) != usual}
        for kind in ("liveness", "readiness", "startup")
        if (probe := main.get(f"{kind}Probe"))
    }
    if set_ones := {kind: timing for kind, timing in probes.items() if timing}:
        found["probes"] = set_ones
    return found


def of_the_volumes(pod: Object, main: Object, notes: list[str]) -> Object:
    volumes = {one["name"]: one for one in pod.get("volumes", [])}
    claims = {name: one["persistentVolumeClaim"]["claimName"] for name, one in volumes.items() if "persistentVolumeClaim" in one}
    root = next((one["value"] for one in main.get("env", []) if one["name"] == "ZDDC_ROOT"), "")
    # In dev they are the overlay's lower layer.
    of_documents = [one["name"] for one in main.get("volumeMounts", []) if one["mountPath"] == root]
    lower = [one["name"] for one in (overlay(pod) or {}).get("volumeMounts", [])]
    documents = next((name for name in [*of_documents, *lower] if name in claims), "")
    found: Object = {}
    if documents:
        found["data_claim"] = claims[documents]
    else:
        notes.append(f"{PREFIX}data_claim: no claim is mounted for the documents. Name the one that has them.")
    # The role has its own volumes for what the builder, the overlay and the server share.
    of_the_chart = {mount["name"] for one in pod.get("initContainers", []) for mount in one.get("volumeMounts", [])} | {documents}
    mounts = [
        one
        for one in main.get("volumeMounts", [])
        if one["name"] not in of_the_chart and not one["mountPath"].startswith(("/tmp", "/var/run/secrets/kubernetes.io"))
    ]
    if mounts:
        found["extra_volumes"] = [volumes[name] for name in dict.fromkeys(one["name"] for one in mounts)]
        found["extra_volume_mounts"] = mounts
    return found


def of_the_user(pod: Object, main: Object) -> Object:
    context = {**pod.get("securityContext", {}), **main.get("securityContext", {})}
    names = {
        "runAsUser": "run_as_user",
        "runAsGroup": "run_as_group",
        "supplementalGroups": "supplemental_groups",
        "fsGroup": "fs_group",
    }
    return {short: context[field] for field, short in names.items() if context.get(field)}


def of_the_pods(spec: Object, main: Object, notes: list[str]) -> Object:
    pod = spec["template"]["spec"]
    found: Object = {"replicas": spec.get("replicas", 1), "strategy": spec["strategy"]["type"]}
    found |= {short: pod[field] for field, short in OF_A_POD.items() if pod.get(field)}
    if pod.get("imagePullSecrets"):
        found["image_pull_secrets"] = [one["name"] for one in pod["imagePullSecrets"]]
    if pod.get("serviceAccountName", "default") != "default":
        found["service_account_name"] = pod["serviceAccountName"]
    known = {main["name"], (overlay(pod) or {}).get("name")}
    builder = next((one["name"] for one in pod.get("initContainers", []) if not privileged(one)), None)
    others = [one["name"] for one in [*pod.get("initContainers", []), *pod["containers"]] if one["name"] not in {*known, builder}]
    if others:
        notes.append(
            f"{PREFIX}deployment_patch: the pods have further containers, {', '.join(others)}, for which there is no "
            "variable. Add those that you need to the patch."
        )
    return found


def of_the_metadata(what: str, metadata: Object) -> Object:
    return {
        f"{what}_{kind}": own
        for kind in ("labels", "annotations")
        if (own := {key: value for key, value in metadata.get(kind, {}).items() if not PASSING.match(key)})
    }


def of_the_service(service: Object) -> Object:
    spec, (port, *_others) = service["spec"], service["spec"]["ports"]
    found: Object = {"service_type": spec["type"], "service_port": port["port"]}
    return found | ({"service_node_port": port["nodePort"]} if spec["type"] == "NodePort" else {})


def of_the_ingress(ingress: Object, notes: list[str]) -> Object:
    spec = ingress["spec"]
    secrets = {host: one.get("secretName", "") for one in spec.get("tls", []) for host in one.get("hosts", [])}
    hosts, types = [], []
    for rule in spec.get("rules", []):
        paths = [one.get("path", "/") for one in rule.get("http", {}).get("paths", [])]
        types += [one["pathType"] for one in rule.get("http", {}).get("paths", [])]
        if "host" not in rule:
            notes.append(
                f"{PREFIX}ingress_hosts: a rule of the Ingress is for all hosts, which the role does not support. Name the hosts."
            )
            continue
        entry = {"host": rule["host"]} | ({"paths": paths} if paths not in ([], ["/"]) else {})
        hosts.append(entry | ({"tls_secret": secrets[rule["host"]]} if secrets.get(rule["host"]) else {}))
    found: Object = {"ingress_enabled": True, "ingress_hosts": hosts}
    if spec.get("ingressClassName"):
        found["ingress_class_name"] = spec["ingressClassName"]
    if len(set(types)) > 1:
        notes.append(f"{PREFIX}ingress_path_type: the Ingress has paths of several types. The role has one type for all.")
    elif types and types[0] != "Prefix":
        found["ingress_path_type"] = types[0]
    return found
