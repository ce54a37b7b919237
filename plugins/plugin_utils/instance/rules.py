# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks that the argument specs cannot make: the form of strings, and conditions between variables. A rule is a function that
yields a message for each problem; RULES lists the rules in the order in which they are reported."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.names import ENVIRONMENT, FIXED_ENV, OWN, PREFIX, secret
from ansible_collections.varasys.zddc.plugins.module_utils.source.git_ref import Refused, check_ref, check_repo
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance import objects, pods
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.exposure import unguarded
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.options import Options, specs
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.patch import touched

Messages = Iterator[str]

DNS_LABEL = re.compile("[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
DNS_NAME = re.compile("[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
MAYBE_NAME = re.compile(f"({DNS_NAME.pattern})?")
QUANTITY = re.compile("[0-9]+([.][0-9]+)?(m|[kMGTPE]|[KMGTPE]i)?")
PART = re.compile("[0-9]+|[0-9]{1,2}%|100%")
IMAGE = re.compile("([A-Za-z0-9][-A-Za-z0-9._:/@]*)?")
WITH_DIGEST = re.compile("(.+@sha256:[0-9a-f]{64})?")
MOST_PORT = 65535
# Not a path of the role's own, and no character with a meaning to a shell, to an overlay's options or to Kubernetes.
TAKEN = "/(build|opt|zddc|tmp|etc|bin|sbin|lib|usr|proc|sys|dev|run)"
ROOT = re.compile(rf"""(?!{TAKEN}(/|\Z))(/[^/\s:,;&|<>(){{}}$`"'\\*?!#~\[\]]+)+""")
PART_OF_A_PATH = "[A-Za-z0-9][A-Za-z0-9._-]*"
LABEL_ADVICE = "1 to 63 lower-case letters, digits and dashes, beginning with a letter"
FORMS: dict[str, tuple[re.Pattern[str], str]] = {
    "name": (DNS_LABEL, LABEL_ADVICE),
    "namespace": (DNS_LABEL, LABEL_ADVICE),
    "data_claim": (DNS_NAME, "the name of the PersistentVolumeClaim that holds the documents"),
    "service_account_name": (MAYBE_NAME, "the name of a service account, or leave it empty"),
    "priority_class_name": (MAYBE_NAME, "the name of a priority class, or leave it empty"),
    "root": (ROOT, "an absolute path that is free in the container, such as /srv"),
    "email_header": (re.compile("[A-Za-z0-9-]+"), "the name of an HTTP header"),
    "build_cache_path": (
        re.compile(f"{PART_OF_A_PATH}(/{PART_OF_A_PATH})*"),
        "a folder in the claim, such as prod, made of letters, digits, dots, dashes and underscores",
    ),
    "build_cache_size": (re.compile("[1-9][0-9]*([.][0-9]+)?([KMGTPE]i|[kMGTPE])?"), "a size, such as 5Gi"),
    "expected_commit": (
        re.compile("([0-9a-f]{40}|[0-9a-f]{64})?"),
        "a full commit, 40 or 64 hexadecimal digits, or leave it empty",
    ),
}
"""Texts, with the form that each must have."""


def forms(options: Options) -> Messages:
    """Check the form of texts."""
    for option, (form, what) in FORMS.items():
        if not form.fullmatch(options[option]):
            yield f"{PREFIX}{option} is '{options[option]}': give {what}."


def names_of_objects(options: Options) -> Messages:
    """Check the names of existing objects."""
    if odd := [name for name in options.image_pull_secrets if not DNS_NAME.fullmatch(name)]:
        yield f"{PREFIX}image_pull_secrets has {', '.join(map(repr, odd))}: give the names of Secrets."
    if options.service_account_create and options.service_account_name == "default":
        yield (
            f"{PREFIX}service_account_name is 'default' while {PREFIX}service_account_create is true: Kubernetes creates that "
            f"one itself. Choose another name, or set {PREFIX}service_account_create to false."
        )


def the_pods(options: Options) -> Messages:
    """Check how many pods run, and as which user."""
    shared, user, group = pods.shared_store(options), options.run_as_user, options.run_as_group
    if not shared and options.replicas > 1:
        yield (
            f"{PREFIX}replicas is {options.replicas}: in {options.mode} each pod writes to its own place, and two would "
            "serve different documents. Give 1."
        )
    if not options.host_users and pods.mounter(options) != "server" and not shared:
        yield (
            f"{PREFIX}host_users is false while {PREFIX}overlay_mounter is {options.overlay_mounter}: a mount in a pod's "
            f"user namespace does not reach its other containers. Set the mounter to server, or {PREFIX}host_users to true."
        )
    if user < 1 or group < 1:
        yield (
            f"{PREFIX}run_as_user is {user} and {PREFIX}run_as_group is {group}: the server never runs as root. Give numbers "
            "of 1 or more, those that own the documents."
        )
    if options.fs_group < 0:
        yield f"{PREFIX}fs_group is {options.fs_group}: give a group id, or 0."
    if options.fs_group > 0 and not shared:
        yield (
            f"{PREFIX}fs_group is {options.fs_group} in {options.mode}: Kubernetes would give all documents to that group, and "
            f"{options.mode} must not change them. Give a group id in prod, or 0."
        )
    if options.termination_grace_period < pods.DRAIN:
        yield (
            f"{PREFIX}termination_grace_period is {options.termination_grace_period}: a request may take 60 s, after the "
            f"{pods.STOP_DELAY} s in which the cluster may still send new ones. Give {pods.DRAIN} (seconds) or more."
        )


def volumes(options: Options) -> Messages:
    """Check the user's volumes and mounts."""
    given = Counter(volume["name"] for volume in options.extra_volumes)
    odd = [
        volume
        for volume in options.extra_volumes
        if len(volume) != 2
        or volume["name"] in pods.VOLUMES
        or not DNS_LABEL.fullmatch(volume["name"])
        or given[volume["name"]] > 1
    ]
    if odd:
        yield (
            f"{PREFIX}extra_volumes has {in_json(odd)}: give each a name that no other volume has, including the role's own "
            f"({', '.join(pods.VOLUMES)}), and one source, such as configMap."
        )
    paths = Counter(mount["mountPath"] for mount in options.extra_volume_mounts)
    odd = [
        mount
        for mount in options.extra_volume_mounts
        if mount["name"] not in given or paths[mount["mountPath"]] > 1 or not free(mount["mountPath"], options)
    ]
    if odd:
        yield (
            f"{PREFIX}extra_volume_mounts has {in_json(odd)}: give each the name of one of {PREFIX}extra_volumes, and an "
            "absolute path of its own that is free in the container, such as /etc/policies."
        )
    if second := second_way(options):
        yield (
            f"{PREFIX}extra_volumes or {PREFIX}deployment_patch mounts the claim {options.data_claim} as {', '.join(second)}: in "
            f"{options.mode} only the overlay may mount the documents, so that nothing can write to them. Remove it."
        )


def free(path: str, options: Options) -> bool:
    """Check that the role mounts nothing at a path, below it or above it."""
    root, below = f"{options.root}/", f"{path}/"
    return (
        re.fullmatch("(/[^/:]+)+", path) is not None
        and "/../" not in below
        and "/./" not in below
        and re.fullmatch("/(opt|opt/zddc|zddc|tmp|proc|sys|dev)", path) is None
        and re.match("/(opt/zddc|zddc|proc|sys)/", path) is None
        and not root.startswith(below)
        and (not path.startswith(root) or pods.shared_store(options))
    )


def second_way(options: Options) -> list[str]:
    """Return the volumes by which a pod of dev would mount the documents outside the overlay."""
    if pods.shared_store(options):
        return []
    found: Any = options.deployment_patch
    for key in ("spec", "template", "spec", "volumes"):
        found = (found.get(key) if isinstance(found, dict) else None) or {}
    patched = found if isinstance(found, list) else []
    return [
        str(volume.get("name"))
        for volume in [*options.extra_volumes, *patched]
        if isinstance(volume, dict) and (volume.get("persistentVolumeClaim") or {}).get("claimName") == options.data_claim
    ]


def server(options: Options) -> Messages:
    """Check the settings of the server."""
    if not re.fullmatch(r"[^\s:]*:[0-9]+", options.addr) or not 1 <= pods.port(options) <= MOST_PORT:
        yield f"{PREFIX}addr is '{options.addr}': give an address and a port, such as ':8080'."
    if any(not re.fullmatch(r"[^\s,]+", origin) for origin in options.cors_origins or []):
        yield (
            f"{PREFIX}cors_origins is {json.dumps(options.cors_origins)}: give a list of origins, such as "
            "https://a.example.org, each without a comma or a blank."
        )
    if odd := [one for one in options.extra_env_from if ("configMapRef" in one) == ("secretRef" in one)]:
        yield f"{PREFIX}extra_env_from has {in_json(odd)}: give each either configMapRef or secretRef."


def environments(options: Options) -> Messages:
    """Check the user's environment variables for the server and for the build."""
    reserved = {*ENVIRONMENT, *FIXED_ENV, *pods.MOUNTER_ENV}
    if taken := [name for name in options.extra_env if name in reserved]:
        yield (
            f"{PREFIX}extra_env sets {', '.join(taken)}: the role sets that itself. Remove it, and use the variable that is "
            "meant for it."
        )
    yield from values_of_an_environment("extra_env", options)
    if taken := [name for name in options.build_env if pods.RESERVED_BUILD_ENV.match(name)]:
        yield f"{PREFIX}build_env sets {', '.join(taken)}: the role sets that itself. Remove it."
    yield from values_of_an_environment("build_env", options)
    if not isinstance(options.build_env.get("GOFLAGS") or "", str):
        yield f"{PREFIX}build_env gives GOFLAGS a mapping: the role must know what decides the build. Give them as text."


def values_of_an_environment(option: str, options: Options) -> Messages:
    """Check that values are text and hold no secret."""
    odd = [
        name
        for name, value in options[option].items()
        if isinstance(value, bool) or not isinstance(value, str | int | float | dict | None)
    ]
    if odd:
        yield (
            f"{PREFIX}{option} gives {', '.join(odd)} a value that is not text. Put it in quotes, or give a mapping that becomes "
            "the variable's valueFrom."
        )
    if secrets := [name for name, value in options[option].items() if isinstance(value, str) and secret(name, value)]:
        yield (
            f"{PREFIX}{option} gives {', '.join(secrets)} a password or a token as text, which would be stored in the cluster "
            "in plain text. Put it into a Secret, and refer to that with secretKeyRef in valueFrom."
        )


def resources(options: Options) -> Messages:
    """Check quantities and the disruption budget."""
    odd = [
        f"{PREFIX}{option}.{kind}.{resource} is '{quantity}'"
        for option in ("resources", "build_resources")
        for kind, wanted in sorted(options[option].items())
        for resource, quantity in sorted((wanted or {}).items())
        if not QUANTITY.fullmatch(str(quantity))
    ]
    if odd:
        yield f"{', '.join(odd)}: give quantities, such as 500m of cpu or 512Mi of memory."
    budget = options.disruption_budget
    parts = [str(budget[key]) for key in ("maxUnavailable", "minAvailable") if key in budget]
    if budget and (len(parts) != 1 or not PART.fullmatch(parts[0])):
        yield (
            f"{PREFIX}disruption_budget is {json.dumps(budget)}: give either maxUnavailable or minAvailable, a number or a "
            "percentage such as 50%."
        )


def ways_in(options: Options) -> Messages:
    """Check how the server is reached, and by which clients."""
    if options.http_route_enabled and not options.http_route_parent_refs:
        yield f"{PREFIX}http_route_parent_refs is empty while {PREFIX}http_route_enabled is true: name at least one Gateway."
    paths = options.http_route_paths
    if not paths or any(not path.startswith("/") for path in paths):
        yield f"{PREFIX}http_route_paths is {json.dumps(paths)}: give at least one path, and begin each with a slash."
    if not 1 <= options.service_port <= MOST_PORT:
        yield f"{PREFIX}service_port is {options.service_port}: give a port from 1 to {MOST_PORT}."
    if options.ingress_enabled and not options.ingress_hosts:
        yield f"{PREFIX}ingress_hosts is empty while {PREFIX}ingress_enabled is true: name at least one host."
    if pods.shared_store(options) and (said := unguarded(options)):
        yield said
    odd = [one for one in options.allowed_clients if ("cidr" in one) == ("namespace_selector" in one or "pod_selector" in one)]
    if odd:
        yield (f"{PREFIX}allowed_clients has {in_json(odd)}: give each either cidr, or namespace_selector, pod_selector or both.")
    port = options.service_node_port
    if not 0 <= port <= MOST_PORT:
        yield f"{PREFIX}service_node_port is {port}: give a port from 1 to {MOST_PORT}, or 0."
    if port and options.service_type != "NodePort":
        yield (
            f"{PREFIX}service_node_port is {port} while {PREFIX}service_type is {options.service_type}: set the type to "
            "NodePort, or the port to 0."
        )


def build_cache(options: Options) -> Messages:
    """Check the cache of the builds, and what builds may reach."""
    claim, own = options.build_cache_claim, pods.own_cache(options)
    if (options.build_cache == "claim") != bool(claim):
        yield (
            f"{PREFIX}build_cache_claim is '{claim}' while {PREFIX}build_cache is {options.build_cache}: a claim has to be named "
            "with the value claim, and only then."
        )
    if claim and (not DNS_NAME.fullmatch(claim) or claim == options.data_claim):
        yield (
            f"{PREFIX}build_cache_claim is '{claim}': give the name of a PersistentVolumeClaim, other than that of the documents."
        )
    if own in (options.data_claim, claim):
        yield (
            f"{PREFIX}data_claim or {PREFIX}build_cache_claim is '{own}': the role creates a claim of this name with "
            f"{PREFIX}build_cache: own, and removes it otherwise. Give another name."
        )
    if options.build_egress and options.build_cache == "none":
        yield (
            f"{PREFIX}build_egress is set while {PREFIX}build_cache is none: then every pod builds for itself, and what it may "
            f"reach is not limited. Set {PREFIX}build_cache, or remove {PREFIX}build_egress."
        )


def source(options: Options) -> Messages:
    """Check the access to the repository."""
    repo, ssh, token, bundle = options.git_repo, options.git_ssh, options.git_token, options.ca_bundle
    if ssh and not named(ssh.get("secret")):
        yield f"{PREFIX}git_ssh has the secret '{ssh.get('secret') or ''}': give the name of a Secret with a private key."
    if ssh and re.match("(?i)(https?|git|file)://", repo):
        yield (
            f"{PREFIX}git_ssh is set while {PREFIX}git_repo is '{repo}': a key is for SSH. Give the ssh:// URL, or "
            f"remove {PREFIX}git_ssh."
        )
    if token and not named(token.get("secret")):
        yield (
            f"{PREFIX}git_token has the secret '{token.get('secret') or ''}': give the name of a Secret with a password or a "
            "token."
        )
    if token and not repo.startswith("https://"):
        yield (
            f"{PREFIX}git_token is set while {PREFIX}git_repo is '{repo}': a token is sent over HTTPS only. Give the https:// "
            f"URL, or remove {PREFIX}git_token."
        )
    if bundle and (("secret" in bundle) == ("config_map" in bundle) or not named(bundle.get("secret", bundle.get("config_map")))):
        yield (
            f"{PREFIX}ca_bundle is {json.dumps(bundle)}: give config_map or secret, the name of the one that has the "
            "certificates."
        )


def trust(options: Options) -> Messages:
    """Check the trusted signers and the images."""
    signers = options.trusted_signers
    if signers and ("file" in signers) == ("config_map" in signers):
        yield (
            f"{PREFIX}trusted_signers is {json.dumps(signers)}: give file, a path on the controller, or config_map, the name of "
            "one in the same namespace."
        )
    if "file" in signers and not str(signers["file"]).startswith(("/", "~")):
        yield f"{PREFIX}trusted_signers has the file '{signers['file']}': give an absolute path, such as ~/zddc/allowed_signers."
    if "config_map" in signers and not named(signers["config_map"]):
        yield f"{PREFIX}trusted_signers has the config_map '{signers['config_map']}': give the name of a ConfigMap."
    if "key" in signers and "config_map" not in signers:
        yield f"{PREFIX}trusted_signers has the key '{signers['key']}' without config_map: a file has no keys. Remove it."
    images = {f"{PREFIX}{name}": options[name] for name in ("image", "build_image", "fetch_image")}
    if odd := [f"{name} is '{image}'" for name, image in images.items() if not IMAGE.fullmatch(image)]:
        yield f"{', '.join(odd)}: give the name of an image, such as docker.io/library/alpine:3.22."
    undigested = [f"{name} is '{image}'" for name, image in images.items() if not WITH_DIGEST.fullmatch(image)]
    if options.require_image_digests and undigested:
        yield (
            f"{PREFIX}require_image_digests is true, and {', '.join(undigested)}: give each with its digest, in the "
            "form NAME@sha256:DIGEST."
        )


def extra_objects(options: Options) -> Messages:
    """Check the user's own objects."""
    given, what = options.extra_objects, f"{PREFIX}extra_objects"
    metadata = [one["metadata"] if isinstance(one.get("metadata"), dict) else {} for one in given]
    called = [(one.get("apiVersion"), one.get("kind"), of.get("name")) for one, of in zip(given, metadata, strict=True)]
    if any(not isinstance(text, str) or not text for three in called for text in three):
        yield (
            f"{what} has an object without apiVersion, kind or metadata.name, or with one that is not text: give full manifests, "
            "and put numbers in quotes."
        )
    if bad := [kind for _version, kind, _name in called if kind in objects.REFUSED_KINDS]:
        yield f"{what} has a {', a '.join(bad)}: an instance may not have objects of these kinds. Create them by other means."
    if astray := [of["namespace"] for of in metadata if of.get("namespace", options.namespace) != options.namespace]:
        yield (
            f"{what} names the namespace {', '.join(map(str, astray))}: all objects are in that of the instance, "
            f"{options.namespace}. Leave metadata.namespace out."
        )
    shown = [f"{kind or ''} {name or ''}" for _version, kind, name in called]
    own = {f"{one.kind} {one.name}" for one in objects.table(options)}
    if len(set(shown) - own) != len(shown):
        yield f"{what} has {', '.join(shown)}: two are the same, or one is the role's own. Remove it, or rename it."


LEAST: dict[str, tuple[int, str]] = {
    "replicas": (1, ""),
    "history_limit": (1, ""),
    "revision_history_limit": (0, ""),
    "build_cache_limit": (64, " (MiB)"),
    "build_timeout": (1, " (second)"),
    "rollout_timeout": (1, " (second)"),
    "git_timeout": (1, " (second)"),
    "outage_timeout": (0, " (seconds)"),
    "unschedulable_timeout": (0, " (seconds)"),
    "lease_timeout": (0, " (seconds)"),
}
"""Numbers, with the minimum of each, and its unit."""


def numbers(options: Options) -> Messages:
    """Check that numbers are not too small."""
    for option, (least, unit) in LEAST.items():
        if options[option] < least:
            yield f"{PREFIX}{option} is {options[option]}: give {least}{unit} or more."


KEY = re.compile(r"([a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?")
LABEL = re.compile(r"([A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?)?")
FORM = "at most 63 letters, digits, dashes, dots and underscores, a letter or a digit first and last"


def metadata(options: Options) -> Messages:
    """Check labels, annotations and node selectors."""
    for name in specs():
        if name.endswith(("_labels", "_annotations", "_node_selector")):
            entries = options[name.removeprefix(PREFIX)].items()
            yield from filter(None, (entry(name, str(key), value, objects.labels(options)) for key, value in entries))


def entry(name: str, key: str, value: Any, own: dict[str, str]) -> str:
    """Return the message for one entry, empty if there is no problem."""
    if key in own or key.startswith(OWN):
        return f"{name} sets {key}, by which the role finds its own objects: remove it."
    if not KEY.fullmatch(key):
        return f"{name} has the key '{key}': give {FORM}, optionally after a domain and a slash."
    if not isinstance(value, str):
        return f"{name} gives {key} a value that is not text. Put it in quotes."
    if not name.endswith("_annotations") and not LABEL.fullmatch(value):
        return f"{name} gives {key} the value '{value}': a label has {FORM}."
    return ""


def patches(options: Options) -> Messages:
    """Check that patches change no fixed field."""
    fixed = {**{one.option: one.fixed for one in objects.table(options)}, "build_job": objects.FIXED_IN_PODS}
    for option, paths in fixed.items():
        name = f"{option}_patch"
        for path in touched(options[name], (*objects.FIXED, *paths)) if options[name] else []:
            yield f"{PREFIX}{name} changes {path}, which only the role may set. Remove it."


def repository(options: Options) -> Messages:
    """Check the form of the repository's URL and of the ref."""
    for check, value in ((check_repo, options.git_repo), (check_ref, options.git_ref)):
        try:
            check(value)
        except Refused as refused:
            yield str(refused)


def named(name: Any) -> bool:
    """Check whether something can be the name of an object."""
    return bool(DNS_NAME.fullmatch(str(name or "")))


def in_json(items: list[Any]) -> str:
    """Return items as JSON."""
    return ", ".join(map(json.dumps, items))


RULES: tuple[Callable[[Options], Messages], ...] = (
    repository,
    names_of_objects,
    the_pods,
    volumes,
    server,
    forms,
    environments,
    resources,
    ways_in,
    build_cache,
    source,
    trust,
    extra_objects,
    numbers,
    metadata,
    patches,
)


def problems(options: Options) -> list[str]:
    """Return a message for each problem."""
    return [message for rule in RULES for message in rule(options)]
