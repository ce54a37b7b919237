# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wrong input: the message to the letter, within 15 s, and a cluster that was not touched."""

from __future__ import annotations

import json
import socket
import sys
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases.yml").read_text())


@pytest.fixture(scope="module", name="instance")
def instance_fixture(prepare: Callable[..., Any]) -> Any:
    """Give a namespace in which a deploy would succeed."""
    return prepare("inputs", 30424)


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


@pytest.mark.parametrize("case", CASES, ids=[case["id"].replace(" ", "-") for case in CASES])
def test_input(case: dict[str, Any], instance: Any, places: dict[str, str], play: Callable[..., Any]) -> None:
    variables = instance.variables | filled(case["variables"], places)
    before = instance.objects()
    played = play("playbooks/deploy.yml", "-e", json.dumps(variables))
    assert played.message == filled(case["message"], places)
    assert played.returncode == 2
    assert played.seconds < 15
    assert instance.objects() == before
