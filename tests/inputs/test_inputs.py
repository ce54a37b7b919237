# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wrong input: the message to the letter, and a cluster that was not touched. Each case is a host of one play; those that ask
another machine, or set what the play sets itself, are played apart, and have 15 s."""

from __future__ import annotations

import json
import re
import socket
import sys
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import yaml

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases.yml").read_text())


@pytest.fixture(scope="module", name="instance")
def instance_fixture(prepare: Callable[..., Any]) -> Any:
    """Give a namespace in which a deploy would succeed, with claims besides with which it would not."""
    instance = prepare("inputs", 30424)
    core = kubernetes.client.CoreV1Api(instance.client)
    for mode in ("ReadOnlyMany", "ReadWriteOnce", "ReadWriteOncePod"):
        spec = {"accessModes": [mode], "storageClassName": "", "resources": {"requests": {"storage": "1Gi"}}}
        core.create_namespaced_persistent_volume_claim(instance.namespace, {"metadata": {"name": mode.lower()}, "spec": spec})
    return instance


@pytest.fixture(scope="module", name="places")
def places_fixture(instance: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Give what the cases name in braces."""
    folder = tmp_path_factory.mktemp("inputs")
    kubeconfig = yaml.safe_load(Path(instance.variables["zddc_server_kubeconfig"]).read_text())
    with socket.socket() as closed, socket.socket() as silent:
        for listener in (closed, silent):
            listener.bind(("127.0.0.1", 0))
        silent.listen(64)
        places = {
            "address": kubeconfig["clusters"][0]["cluster"]["server"],
            "closed": f"127.0.0.1:{closed.getsockname()[1]}",
            "silent": f"127.0.0.1:{silent.getsockname()[1]}",
            "folder": str(folder),
            "kubeconfig": instance.variables["zddc_server_kubeconfig"],
            "git_repo": instance.variables["zddc_server_git_repo"],
            "namespace": instance.namespace,
        }
        for name in ("closed", "silent"):
            kubeconfig["clusters"][0]["cluster"]["server"] = f"https://{places[name]}"
            (folder / f"{name}.kubeconfig").write_text(yaml.safe_dump(kubeconfig))
        (folder / "broken.kubeconfig").write_text("clusters: [")
        # A Python with no library of Kubernetes, and one that takes the installed library for a broken release.
        venv.create(folder / "bare", symlinks=True)
        places["bare_python"] = str(folder / "bare/bin/python")
        broken = folder / "broken/kubernetes-35.0.0.dist-info"
        broken.mkdir(parents=True)
        (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: kubernetes\nVersion: 35.0.0\n")
        python = folder / "broken/python"
        python.write_text(f'#!/bin/sh\nPYTHONPATH={broken.parent} exec {sys.executable} "$@"\n')
        python.chmod(0o755)
        places["broken_python"] = str(python)
        yield places


def filled(value: Any, places: dict[str, str]) -> Any:
    """Fill in the places, at any depth."""
    text = json.dumps(value)
    for name, place in places.items():
        text = text.replace("{" + name + "}", json.dumps(place)[1:-1])
    return json.loads(text)


def name_of(case: dict[str, Any]) -> str:
    """Give a case's name as that of a host."""
    return re.sub("[^a-z0-9]+", "-", case["id"].lower())


TOGETHER = [case for case in CASES if not case.get("apart")]
APART = [
    pytest.param(case, id=name_of(case), marks=[pytest.mark.alone] if case.get("waits") else [])
    for case in sorted(CASES, key=lambda case: not case.get("waits"))
    if case.get("apart")
]


@pytest.fixture(scope="module", name="together")
def together_fixture(
    instance: Any, places: dict[str, str], play: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """Give what came of one play over the cases, and whether the cluster is as it was."""
    hosts = {name_of(case): filled(case["variables"], places) for case in TOGETHER}
    common = instance.variables | {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = tmp_path_factory.mktemp("together") / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"zddc_server": {"hosts": hosts, "vars": common}}, sort_keys=False))
    before = instance.objects()
    played = play("-i", inventory, "playbooks/deploy.yml")
    return played, instance.objects() == before


@pytest.mark.parametrize("case", APART)
def test_input_apart(case: dict[str, Any], instance: Any, places: dict[str, str], play: Callable[..., Any]) -> None:
    variables = instance.variables | filled(case["variables"], places)
    before = instance.objects()
    played = play("playbooks/deploy.yml", "-e", json.dumps(variables))
    assert played.message == filled(case["message"], places)
    assert played.returncode == 2
    assert played.seconds < 15
    assert instance.objects() == before


@pytest.mark.parametrize("case", TOGETHER, ids=map(name_of, TOGETHER))
def test_input(case: dict[str, Any], together: Any, places: dict[str, str]) -> None:
    played, untouched = together
    assert played.failures[name_of(case)] == filled(case["message"], places)
    assert untouched
    assert played.changed == 0
