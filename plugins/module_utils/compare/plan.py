# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Plan an apply of an instance's objects: what it would change, and what prevents it. The cluster is only read."""

from __future__ import annotations

from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.cluster import history
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import (
    OUTAGE_ARG_SPEC,
    Caller,
    Kinds,
    connect,
    selector,
    whoami,
)
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import AWAY, FORBIDDEN, REFUSED, ApiError, Problem
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.rights import missing_rule
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.times import OutOfTime, limited
from ansible_collections.varasys.zddc.plugins.module_utils.compare import admission, claim_access, preflight, user_namespaces
from ansible_collections.varasys.zddc.plugins.module_utils.compare.objects import Compared, compare, plain
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object
from ansible_collections.varasys.zddc.plugins.module_utils.names import FIELD_MANAGER, INSTANCE, OWN, PREFIX, SERVED
from ansible_collections.varasys.zddc.plugins.module_utils.running import INSTANCE_ARG_SPEC
from ansible_collections.varasys.zddc.plugins.module_utils.watch.rollout import assess, observe

LIMIT = 9
"""Seconds for the plan, without those of an outage: the play fails within 15 s, even if a credential plugin or DNS hangs."""
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    **INSTANCE_ARG_SPEC,
    **OUTAGE_ARG_SPEC,
    "definitions": {"type": "list", "elements": "dict", "default": []},
    "set_by": {"type": "dict", "default": {}},
    "known": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {name: {"type": "str", "required": True} for name in ("kind", "api_version", "name")},
    },
    "field_manager": {"type": "str", "default": FIELD_MANAGER},
    "allowed_managers": {"type": "list", "elements": "str", "default": ["kube-controller-manager"]},
    "force_conflicts": {"type": "bool", "default": True},
    "take_over": {"type": "bool", "default": False},
    "create_namespace": {"type": "bool", "default": False},
    "data_claim": {"type": "str", "default": ""},
    "build_cache_claim": {"type": "str", "default": ""},
    "build_cache_access_mode": {"type": "str", "default": "ReadWriteOnce"},
    "pinned": {"type": "bool", "default": False},
    "record": {"type": "dict", "default": {}},
    "history_limit": {"type": "int", "default": 10},
    "cautions": {"type": "list", "elements": "str", "default": []},
    "timeout": {"type": "int", "default": 5},
}


class Planner:
    """Fills the result, which is valid at any moment."""

    def __init__(self, caller: Caller, result: Object) -> None:
        self.options, self.result = caller.params, result
        self.check_mode, self.diff = caller.check_mode, caller._diff
        self.namespace: str = self.options["namespace"]
        self.labels = {key: str(value) for key, value in self.options["owner_labels"].items()}
        self.compared: list[Compared] = []
        self.refusals: list[str] = []
        self.api = connect(caller, PREFIX, self.options["timeout"])
        result["instance"] = f"{self.options['name']} in namespace {self.namespace} of the cluster at {self.api.address}"
        self.kinds = Kinds(self.api)

    def plan(self) -> None:
        options, result, problems = self.options, self.result, self.result["problems"]
        result["warnings"] += options["cautions"] if options["definitions"] else []
        result["kubernetes_version"] = preflight.check_cluster(self.api)
        namespace = preflight.check_namespace(self.api, self.namespace)
        result["namespace_exists"] = self.take(namespace)
        wanted = options["definitions"]
        if wanted and not options["create_namespace"]:
            self.lack(namespace.missing)
        if namespace.what and wanted and options["data_claim"]:
            result["claim"] = self.take(claim := preflight.check_claim(self.api, self.namespace, options["data_claim"]))
            self.lack(claim.missing)
        if namespace.what and wanted and options["build_cache_claim"]:
            self.check_build_cache()
        records = self.records() if namespace.what else []
        for definition in wanted:
            self.look_at(definition, namespace.what)
        if namespace.what:
            self.find_unwanted(records)
        if not problems and not self.refusals:
            self.conclude(records)

    def check_build_cache(self) -> None:
        name, mode = self.options["build_cache_claim"], self.options["build_cache_access_mode"]
        variable = f"{PREFIX}build_cache_claim"
        claim = self.take(found := preflight.check_claim(self.api, self.namespace, name, variable))
        self.lack(found.missing)
        if claim and mode not in claim["access_modes"]:
            self.result["problems"].append(
                f"{PREFIX}build_cache_access_mode is {mode}, and the claim {name!r} in namespace {self.namespace!r} has "
                f"{', '.join(claim['access_modes'])}. Set the variable to what the claim has."
            )

    def take(self, found: preflight.Found) -> Any:
        """Return what was found, and record its problems."""
        self.result["problems"] += found.problems
        self.result["reason"] = self.result["reason"] or found.reason
        return found.what

    def cannot(self, verb: str, what: str, error: ApiError, variable: str = f"{PREFIX}name") -> None:
        """Record what cannot be read or applied."""
        what = f"{what} in namespace {self.namespace!r}"
        self.take(preflight.Found(None, [preflight.cannot(verb, variable, what, self.api, error)], [], error.reason))

    def set_by(self, kind: str) -> str:
        """Return the variables that set an object of this kind."""
        return str(self.options["set_by"].get(kind, self.options["set_by"].get("", kind)))

    def reference(self, version: str, kind: str, name: str, **known: str) -> Object:
        """Return the reference by which an object is deleted."""
        return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": self.namespace, **known}}

    def lack(self, missing: list[str]) -> None:
        """Record what is missing: a warning in check mode, because it can still be created before a real run."""
        self.result["warnings" if self.check_mode else "problems"] += missing

    def records(self) -> list[Object]:
        try:
            return history.read(self.api, self.namespace, self.labels)
        except ApiError as error:
            self.cannot("read", "the history", error, f"{PREFIX}namespace")
            return []

    def look_at(self, definition: Object, namespace_exists: bool) -> None:
        version, kind, name = history.identity(definition)
        found = {"api_version": version, "kind": kind, "name": name, "definition": definition}
        untold = {"change": "create", "new_pods": kind == "Deployment", "drift": [], "adopt": False}
        self.result["objects"].append(found | untold)
        try:
            path = self.kinds.path(version, kind, self.namespace, name)
            live = self.api.find(path) if path and namespace_exists and self.kinds.namespaced(version, kind) else None
        except ApiError as error:
            self.cannot("read", f"{kind} {name!r}", error)
            return
        if path is None:
            problem = f"The cluster at {self.api.address} does not know {kind} of {version}. "
            problem += "Install what provides it, or turn off what needs it."
        elif not self.kinds.namespaced(version, kind):
            problem = f"{PREFIX}extra_objects has {kind} {name!r}, which has no namespace and so cannot belong to an instance. "
            problem += "Remove it there, and create it by other means."
        else:
            # A claim holds another owner's data, so it is never taken over.
            spared = not self.options["take_over"] or kind == "PersistentVolumeClaim"
            problem = (self.of_another(live) if live and spared else "") or (self.moved_tag(live) if live else "")
        if problem:
            self.result["problems"].append(problem)
        elif not namespace_exists:
            self.compared.append(Compared({}, definition, definition))
        elif path and not self.result["problems"]:
            self.compare(path, live, definition)

    def of_another(self, live: Object) -> str:
        """Return the problem with an object that does not have this instance's labels."""
        carried = live["metadata"].get("labels", {})
        if all(carried.get(key) == value for key, value in self.labels.items()):
            return ""
        return (
            f"{PREFIX}name: {live['kind']} {live['metadata']['name']!r} in namespace {self.namespace!r} already exists "
            f"and belongs to {preflight.manager(live)}. Choose another {PREFIX}name, remove that object"
            + (
                "."
                if live["kind"] == "PersistentVolumeClaim"
                else f", or set {PREFIX}take_over to true to make it this instance's."
            )
        )

    def moved_tag(self, live: Object) -> str:
        """Return the problem with a tag that no longer points to the deployed commit."""
        wanted = self.options["record"]
        if not self.options["pinned"] or (live["kind"], live["metadata"]["name"]) != ("Deployment", self.options["name"]):
            return ""
        noted = live["spec"]["template"]["metadata"].get("annotations", {})
        before = {key: noted.get(f"{OWN}git-{key}") for key in ("repo", "ref", "commit")}
        same = all(before[key] == wanted.get(key) for key in ("repo", "ref"))
        if not same or before["commit"] == wanted["commit"]:
            return ""
        return (
            f"{PREFIX}git_ref: the tag {wanted['ref']!r} has moved. It was deployed at commit {before['commit']} and is now at "
            f"{wanted['commit']}. A release does not change: ask who moved it, and name another, or set "
            f"{PREFIX}allow_moved_tag to true."
        )

    def compare(self, path: str, live: Object | None, definition: Object) -> None:
        options, kind = self.options, definition["kind"]
        try:
            found = compare(self.api, path, live, definition, options["field_manager"], options["allowed_managers"])
        except ApiError as error:
            if error.reason not in (REFUSED, FORBIDDEN) or missing_rule(error.said):
                self.cannot("applied", f"{kind} {definition['metadata']['name']!r}", error)
            else:
                refusal = f"{self.set_by(kind)}: {error.said}"
                self.refusals.append(f"{refusal}\n{NEW_CLAIM}" if live and kind == "PersistentVolumeClaim" else refusal)
            return
        if user_namespaces.wanted(definition):
            self.result["problems"] += user_namespaces.dropped(found.after, self.api.address)
            self.result["problems"] += user_namespaces.problems(self.api, self.namespace, definition)
        if kind == "Deployment" and definition["metadata"]["name"] == options["name"]:
            accounts = [item["metadata"]["name"] for item in options["definitions"] if item["kind"] == "ServiceAccount"]
            self.result["problems"] += admission.problems(self.api, self.namespace, definition, accounts)
            claim, name = self.result["claim"], options["data_claim"]
            self.result["problems"] += claim_access.problems(self.api, self.namespace, name, claim, definition)
            if found.new_pods and has_a_cache(found.definition):
                self.result["build"] = found.definition
        self.compared.append(found)
        told = ("change", "new_pods", "definition", "drift", "adopt")
        self.result["objects"][-1] |= {name: getattr(found, name) for name in told}

    def find_unwanted(self, records: list[Object]) -> None:
        """Find the objects of this instance that are no longer desired."""
        known = {(one["api_version"], one["kind"], one["name"]): None for one in self.options["known"]}
        wanted = {history.identity(item) for item in self.options["definitions"]}
        applied, used = history.applied(records), references(self.options["definitions"])
        for version, kind, name in reversed({**known, **applied}):
            if (version, kind, name) in wanted:
                continue
            try:
                path = self.kinds.path(version, kind, self.namespace, name)
                live = self.api.find(path) if path else None
            except ApiError as error:
                # The user needs no rights for a kind that was never applied.
                if error.status != 403 or (version, kind, name) in applied:
                    self.cannot("read", f"{kind} {name!r}", error)
                continue
            if live and (problem := self.of_another(live)):
                # Only a removal reports an object of that name with another owner.
                if not wanted:
                    self.result["problems"].append(problem)
            elif live and (kind, name) in used:
                self.result["problems"].append(
                    f"{self.set_by(kind)}: {kind} {name!r} is no longer desired and would be removed, but the pods use it. "
                    "Keep it, or let the pods use another."
                )
            elif live:
                self.result["remove"].append(self.reference(version, kind, name, uid=live["metadata"]["uid"]))
                self.compared.append(Compared(plain(live), {}, {}))

    def conclude(self, records: list[Object]) -> None:
        options, result = self.options, self.result
        definitions = options["definitions"]
        drift = [line for item in result["objects"] for line in item["drift"]]
        if drift and not options["force_conflicts"]:
            result["problems"] += [
                *drift,
                f"{PREFIX}force_conflicts is false, so none of this is reverted. Add it to the variables or revert "
                "it yourself, or set the variable to true.",
            ]
            return
        changes = [one for one in self.compared if one.change != "none"]
        last = next((record for record in reversed(records) if history.result(record) == SERVED), None)
        if last and last["data"]["objects"] != definitions:
            result["good"] = history.public(last)
        result["record"] = records[-1]["metadata"]["name"] if records else ""
        served = bool(records) and history.result(records[-1]) == SERVED
        data = {**options["record"], "objects": definitions}
        if options["record"] and not (records and records[-1]["data"]["objects"] == definitions):
            made = history.made(records, options["name"], self.namespace, self.labels, whoami(), data)
            result["record"], result["new_record"], served = made["metadata"]["name"], made, False
        surplus = [record["metadata"]["name"] for record in records] if not definitions else []
        if definitions and options["record"]:
            kept = [*records, result["new_record"]] if result["new_record"] else records
            surplus = history.surplus(kept, options["history_limit"])
        result["surplus"] = [self.reference("apps/v1", "ControllerRevision", name) for name in surplus]
        result["change"] = bool(changes or result["new_record"] or (not definitions and records))
        if self.diff:
            result["diff"] = [one.diff() for one in changes]
        settled = not definitions or (not result["change"] and self.settled())
        result["work"] = result["change"] or not settled or (bool(options["record"]) and not served)
        if definitions and not records and not any(one.before for one in self.compared):
            self.look_for_an_old_name()

    def settled(self) -> bool:
        """Check whether the rollout of the Deployment is complete."""
        deployment = next((item for item in self.options["definitions"] if item["kind"] == "Deployment"), None)
        if deployment is None:
            return True
        name = deployment["metadata"]["name"]
        try:
            seen = observe(self.api, self.namespace, name)
        except ApiError as error:
            self.cannot("read", f"the pods of Deployment {name!r}", error)
            return False
        verdict = assess(*seen, self.api.now, self.api.now)
        self.result["replicas"] = verdict.replicas
        return verdict.done

    def look_for_an_old_name(self) -> None:
        """Warn of an instance that this host has deployed before, under another name or in another namespace."""
        record = self.options["record"]
        mark = selector({key: value for key, value in self.labels.items() if key != INSTANCE})
        for path in ("/apis/apps/v1/controllerrevisions", f"/apis/apps/v1/namespaces/{self.namespace}/controllerrevisions"):
            try:
                found = self.api.get(path, labelSelector=mark)["items"]
                break
            except ApiError:
                # A user of one namespace may not read all namespaces.
                found = []
        old = {
            (item["metadata"]["labels"].get(INSTANCE, ""), item["metadata"]["namespace"])
            for item in found
            if all(item["data"].get(key) == record.get(key) for key in ("host", "mode"))
        }
        for name, namespace in sorted(old):
            self.result["warnings"].append(
                f"{record['host']} has deployed {record['mode']} before, as {name} in namespace {namespace}, and that "
                f"still exists. If {self.options['name']} replaces it, remove it: ansible-playbook varasys.zddc.remove "
                f"--limit {record['host']} -e zddc_server_name={name} -e zddc_server_namespace={namespace}"
            )


# The only claim that the role creates holds the build cache, which can be rebuilt.
NEW_CLAIM = (
    f"  This claim cannot be changed this way. Revert the change, or deploy once with {PREFIX}build_cache: none, which removes "
    "the claim, and then deploy with the change."
)


# Fields of a pod that name an object which it needs to start: the key, the kind, and the key of the name.
REFERENCES = (
    ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
    ("configMap", "ConfigMap", "name"),
    ("configMapRef", "ConfigMap", "name"),
    ("configMapKeyRef", "ConfigMap", "name"),
)


def references(item: Any) -> set[tuple[str, str]]:
    """Return kind and name of the objects that the pods of these definitions need."""
    if isinstance(item, list):
        return {found for one in item for found in references(one)}
    if not isinstance(item, dict):
        return set()
    named = ((kind, name, item[key]) for key, kind, name in REFERENCES if isinstance(item.get(key), dict))
    found = {(kind, one.get(name, "")) for kind, name, one in named if not one.get("optional")}
    if account := item.get("serviceAccountName"):
        found.add(("ServiceAccount", account))
    return found.union(*map(references, item.values()))


def has_a_cache(deployment: Object) -> bool:
    """Check whether the Deployment has pods that run what a build cache holds."""
    volumes = user_namespaces.pod_spec(deployment).get("volumes", [])
    return deployment["spec"].get("replicas", 1) > 0 and any(volume["name"] == "cache" for volume in volumes)


def failure(problems: list[str], refusals: list[str]) -> str:
    if not problems:
        verdict = "Nothing was changed. The cluster rejects what the variables give. Fix this and run again:"
        return "\n- ".join([verdict, *refusals])
    lines = problems if len(problems) == 1 else [f"{len(problems)} problems:", *(f"- {line}" for line in problems)]
    return "\n".join([*lines, "Nothing was changed."])


def look(caller: Caller) -> Object:
    """Return the result of the module plan; a failed one has C(failed), C(msg) and C(reason)."""
    result: Object = {"check_mode": caller.check_mode, "instance": "", "reason": "", "record": "", "change": False, "work": False}
    result |= {name: [] for name in ("problems", "warnings", "objects", "remove", "surplus", "diff")}
    result |= {name: {} for name in ("claim", "new_record", "good", "replicas", "build")}
    problems, refusals = result["problems"], []
    limit = LIMIT + caller.params["outage_timeout"]
    try:
        with limited(limit):
            if not caller.params["namespace"].strip():
                problems.append(f"{PREFIX}namespace is empty. Set it to the name of a namespace.")
            else:
                planner = Planner(caller, result)
                refusals = planner.refusals
                planner.plan()
    except Problem as problem:
        problems.append(str(problem))
        result["reason"] = problem.reason
    except OutOfTime:
        result["reason"] = AWAY
        problems.append(
            f"{PREFIX}kubeconfig, {PREFIX}context: the checks of the cluster took more than {limit} s. "
            "Check the network to it, and the credential plugin of the kubeconfig if it has one."
        )
    if problems or refusals:
        told = ("instance", "kubernetes_version", "check_mode", "namespace_exists", "claim", "warnings")
        shown = {key: result[key] for key in told if key in result}
        reason = result["reason"] or (REFUSED if refusals else "")
        return {"failed": True, "msg": failure(problems, refusals), "reason": reason, **shown}
    del result["problems"]
    return {"changed": result["change"], **result}
