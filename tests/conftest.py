# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The collection under test is this checkout; the collections it needs are those beside ansible-core."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import yaml
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder
from cache import VARS_FILE
from namespaces import Namespaces
from order import ByFolder
from warm import Warm, settings

ROOT = Path(__file__).resolve().parent.parent

# The ambient environment must not lead to another cluster or inventory.
for name in [name for name in os.environ if name.startswith("K8S_AUTH_")]:
    del os.environ[name]
for name in ("KUBECONFIG", "ANSIBLE_CONFIG", "ANSIBLE_INVENTORY"):
    os.environ.pop(name, None)
# What is beside this Python, whoever called it: ansible-playbook, molecule.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
# No scenario looks after the cluster again.
os.environ["ZDDC_CLUSTER"] = "up"
# Modules run in forks of what plays them: connection/local.py. It gets those that are piped to the interpreter.
os.environ |= {"ANSIBLE_CONNECTION_PLUGINS": str(ROOT / "tests/connection"), "ANSIBLE_PIPELINING": "true"}

_AnsibleCollectionFinder(paths=[str(ROOT / "playbooks" / "collections")])._install()

# Namespaces that tests make, beside one another.
OURS = re.compile("molecule-.*|archive-test|demo|fixtures|rollout-.*")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFolder:
    """Give what distributes the tests."""
    return ByFolder(config, log)


@contextmanager
def turn(name: str, alone: bool) -> Iterator[None]:
    """Run beside the tests of other processes, or, once they have ended, alone."""
    folder = Path(tempfile.gettempdir())
    with (folder / f"{name}.queue").open("w") as queue, (folder / f"{name}.room").open("w") as room:
        while True:
            # All who wait to be alone stand in the queue together. The others come in while it is empty.
            fcntl.flock(queue, fcntl.LOCK_SH if alone else fcntl.LOCK_EX)
            with suppress(BlockingIOError):
                fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH | fcntl.LOCK_NB)
                break
            fcntl.flock(queue, fcntl.LOCK_UN)
            time.sleep(0.1)
        fcntl.flock(queue, fcntl.LOCK_UN)
        yield


TURN = pytest.StashKey[ExitStack | None]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Let tests that are marked so run alone; those in a row wait only once for the others to end."""
    run, stash = os.environ.get("PYTEST_XDIST_TESTRUNUID"), item.config.stash
    alone, next_alone = (one is not None and one.get_closest_marker("alone") is not None for one in (item, nextitem))
    kept, stash[TURN] = stash.get(TURN, None), None
    with kept or ExitStack() as mine:
        if run and not kept:
            mine.enter_context(turn(f"zddc-{run}", alone))
        result = yield
        if alone and next_alone:
            stash[TURN] = mine.pop_all()
    return result


@dataclass(frozen=True)
class Played:
    """What came of an ansible-playbook."""

    returncode: int
    seconds: float
    message: str
    """Of the task that failed first."""
    end: str
    """Of the task that failed last."""
    failures: dict[str, str]
    """Of the task that failed first, by host."""
    messages: list[str]
    """Of all tasks that have one."""
    warnings: list[str]
    diffs: list[dict[str, str]]
    changed: int
    results: list[dict[str, Any]]
    """Of all tasks and hosts."""
    output: str


def said(result: dict[str, Any]) -> str:
    """Give the message of a failure, of a loop's first."""
    return str(next((item["msg"] for item in result.get("results", []) if item.get("failed")), result.get("msg", "")))


# What most plays have; those are forks of one process.
USUAL = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
warm = cache(Warm)


def ansible_playbook(*arguments: str | Path, cwd: Path = ROOT, **environment: str) -> Played:
    """Run ansible-playbook, for localhost unless an inventory is given, with its results as JSON."""
    inventory = () if "-i" in arguments else ("-i", "localhost,")
    given = [*inventory, *map(str, arguments)]
    variables = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", **environment}
    begin = time.monotonic()
    if cwd == ROOT and settings(variables) == settings(USUAL):
        returncode, out, err = warm().play(given, cwd, variables)
    else:
        command = ["ansible-playbook", *given]
        done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, check=False)
        returncode, out, err = done.returncode, done.stdout, done.stderr
    seconds = time.monotonic() - begin
    start = out.find("{\n")
    report = json.loads(out[start:]) if start >= 0 else {"plays": [], "stats": {}}
    hosts = [one for play in report["plays"] for task in play["tasks"] for one in task["hosts"].items()]
    results = [item for _host, item in hosts]
    failed = [said(item) for item in results if item.get("failed")] or [""]
    failures = {host: said(item) for host, item in reversed(hosts) if item.get("failed")}
    messages = [item["msg"] for item in results if isinstance(item.get("msg"), str)]
    warnings = [text for item in results for text in item.get("warnings", [])]
    diffs = [diff for item in results if isinstance(item.get("diff"), list) for diff in item["diff"]]
    changed = sum(stats["changed"] for stats in report["stats"].values())
    return Played(returncode, seconds, failed[0], failed[-1], failures, messages, warnings, diffs, changed, results, out + err)


def evidence(namespace: str) -> str:
    """Give what a person would look at first: pods, events and the last log lines; never Secrets."""
    from ansible_collections.varasys.zddc.plugins.module_utils.watch.evidence import latest, shown  # noqa: PLC0415 - the finder finds it

    client = kubernetes.config.new_client_from_config(yaml.safe_load(VARS_FILE.read_text())["zddc_server_kubeconfig"])
    core, lines = kubernetes.client.CoreV1Api(client), []
    for pod in core.list_namespaced_pod(namespace).items:
        lines.append(f"pod {pod.metadata.name}, {pod.status.pod_ip}: {pod.status.phase}")
        for init, specs in ((True, pod.spec.init_containers or []), (False, pod.spec.containers)):
            for spec in specs:
                try:
                    text = core.read_namespaced_pod_log(pod.metadata.name, namespace, container=spec.name, tail_lines=40)
                except kubernetes.client.ApiException as error:
                    text = f"no log: {error.reason}"
                lines += [f"  {spec.name} | {line}" for line in shown(text or "", init)[0]]
    for part in kubernetes.client.DiscoveryV1Api(client).list_namespaced_endpoint_slice(namespace).items:
        there = [f"{one.addresses[0]} (ready: {one.conditions.ready})" for one in part.endpoints or []]
        lines.append(f"endpoint slice {part.metadata.name}: {', '.join(there) or 'none'}")
    events = client.sanitize_for_serialization(core.list_namespaced_event(namespace).items)
    return "\n".join([*lines, "events:", *latest(events, 40)])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what is on the cluster beside a failure."""
    report = yield
    if report.failed:
        # A test has a namespace as such, or a stage in it.
        found = {getattr(given, "namespace", None) for given in getattr(item, "funcargs", {}).values()}
        for namespace in sorted(one for one in found if isinstance(one, str)):
            try:
                shown = evidence(namespace)
            except Exception as error:  # whatever it is, the failure itself is to be seen
                shown = f"not to be seen: {error}"
            report.sections.append((f"namespace {namespace}", shown))
    return report


@pytest.fixture(name="evidence")
def evidence_fixture() -> Callable[[str], str]:
    """Give the function that shows what is in a namespace."""
    return evidence


@pytest.fixture(scope="session", name="zddc")
def zddc_fixture() -> dict[str, Any]:
    """Give the variables that fit the cluster zddc."""
    return dict(yaml.safe_load(VARS_FILE.read_text()))


@pytest.fixture(scope="session", name="core")
def core_fixture(zddc: dict[str, Any]) -> kubernetes.client.CoreV1Api:
    """Give the core API of the cluster zddc."""
    return kubernetes.client.CoreV1Api(kubernetes.config.new_client_from_config(zddc["zddc_server_kubeconfig"]))


@pytest.fixture(scope="session", name="play")
def play_fixture() -> Callable[..., Played]:
    """Give the function that runs ansible-playbook."""
    return ansible_playbook


def written(metadata: kubernetes.client.V1ObjectMeta) -> str:
    """Give a text that changes with every write to an object, except to its status."""
    writes = [f"{entry.manager} {entry.time}" for entry in metadata.managed_fields or [] if not entry.subresource]
    return f"{metadata.uid} {metadata.generation} {writes}"


@dataclass(frozen=True)
class Instance:
    """A namespace of the tests' own on the cluster zddc, with a git server and a store of documents."""

    namespace: str
    variables: dict[str, Any]

    @property
    def client(self) -> kubernetes.client.ApiClient:
        """Give a client of the cluster."""
        return kubernetes.config.new_client_from_config(self.variables["zddc_server_kubeconfig"])

    def objects(self) -> dict[str, str]:
        """Give everything a deploy could touch, with who wrote it and when; a status, which follows later, is not counted."""
        api = kubernetes.client
        core, apps, networking, batch, policy = (
            kind(self.client) for kind in (api.CoreV1Api, api.AppsV1Api, api.NetworkingV1Api, api.BatchV1Api, api.PolicyV1Api)
        )
        names = {item.metadata.name: item.metadata.uid for item in core.list_namespace().items}
        found = {f"Namespace {name}": uid for name, uid in names.items() if not OURS.fullmatch(name)}
        found[f"Namespace {self.namespace}"] = names[self.namespace]
        for kind, items in {
            "Service": core.list_namespaced_service(self.namespace).items,
            "PersistentVolumeClaim": core.list_namespaced_persistent_volume_claim(self.namespace).items,
            "Deployment": apps.list_namespaced_deployment(self.namespace).items,
            "Ingress": networking.list_namespaced_ingress(self.namespace).items,
            "NetworkPolicy": networking.list_namespaced_network_policy(self.namespace).items,
            "Job": batch.list_namespaced_job(self.namespace).items,
            "ServiceAccount": core.list_namespaced_service_account(self.namespace).items,
            "PodDisruptionBudget": policy.list_namespaced_pod_disruption_budget(self.namespace).items,
        }.items():
            found |= {f"{kind} {item.metadata.name}": written(item.metadata) for item in items}
        return found


@pytest.fixture(scope="session", name="prepare")
def prepare_fixture(zddc: dict[str, Any]) -> Iterator[Callable[[str, int], Instance]]:
    """Give the function that prepares a namespace as the scenarios do; what it prepares is taken away at the end."""
    made = Namespaces(zddc)
    usual = yaml.safe_load((ROOT / "molecule/default/inventory/group_vars/zddc_server.yml").read_text())

    def prepare(name: str, git_port: int) -> Instance:
        namespace = f"molecule-{name}"
        variables = {key: value for key, value in zddc.items() if key.startswith("zddc_server_")}
        variables |= {key: usual[key] for key in ("zddc_server_build_env", "zddc_server_probes")}
        variables |= {"zddc_server_namespace": namespace, "zddc_server_git_repo": made.make(namespace, git_port)}
        return Instance(namespace, variables)

    yield prepare
    made.remove()
