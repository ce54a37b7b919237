# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What `make demo` runs, on the cluster zddc. A demo that is there already stays."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes
import pytest
from cache import VARS_FILE

HERE = Path(__file__).parent


@pytest.fixture(scope="module", name="demo")
def demo_fixture(core: kubernetes.client.CoreV1Api, play: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Give the function that runs the demo; what was not there before is taken away at the end."""

    def namespaces() -> set[str]:
        return {item.metadata.name for item in core.list_namespace().items}

    was = "demo" in namespaces()
    yield lambda *arguments: play("playbooks/demo.yml", *arguments)
    if not was:
        gone = play(HERE / "remove.yml", "-e", f"vars_file={VARS_FILE}")
        assert (gone.returncode, gone.message) == (0, "")
        assert "demo" not in namespaces()
        assert "demo-zddc-root" not in {item.metadata.name for item in core.list_persistent_volume().items}


@pytest.fixture(scope="module", name="first")
def first_fixture(demo: Callable[..., Any]) -> Any:
    """Run the demo."""
    return demo()


def shows(played: Any, address: str) -> None:
    """See that the demo ends with both modes, and with a document that prod does not see."""
    assert (played.returncode, played.message) == (0, "")
    prod, dev = (rf"http://{re.escape(address)}:{port}" for port in (30080, 30081))
    for line in (
        rf"prod +{prod} +zddc-server-v0\.0\.7 +[0-9a-f]{{12}} +\S+ +1/1",
        rf"dev +{dev} +main +[0-9a-f]{{12}} +\S+ +1/1",
        rf"PUT {dev}/Notes/from-dev\.txt answers 20[14]",
        rf"GET {dev}/Notes/from-dev\.txt answers 200",
        rf"GET {prod}/Notes/from-dev\.txt answers 404",
    ):
        assert re.search(rf"\\n{line}\\n", played.output), line


def pods(core: kubernetes.client.CoreV1Api) -> set[str]:
    """Give the pods of both instances and of the git server."""
    return {pod.metadata.name for pod in core.list_namespaced_pod("demo").items if pod.status.phase == "Running"}


def test_it_shows_both_modes_and_keeps_their_pods(
    first: Any, demo: Callable[..., Any], core: kubernetes.client.CoreV1Api
) -> None:
    shows(first, "127.0.0.1")
    before = pods(core)
    assert len(before) == 3
    again = demo()
    shows(again, "127.0.0.1")
    assert again.changed == 0
    assert pods(core) == before


@pytest.mark.usefixtures("first")
def test_it_runs_on_a_cluster_that_is_named(
    demo: Callable[..., Any],
    core: kubernetes.client.CoreV1Api,
    zddc: dict[str, Any],
    tmp_path: Path,
) -> None:
    before = pods(core)
    files = {file: file.stat().st_mtime_ns for file in VARS_FILE.parent.iterdir()}
    shutil.copy(zddc["zddc_server_kubeconfig"], tmp_path / "theirs")
    named = demo(
        *("-e", f"kind_cluster_use_kubeconfig={tmp_path}/theirs", "-e", "kind_cluster_use_context=kind-zddc"),
        *("-e", f"kind_cluster_vars_file={tmp_path}/vars.yml"),
    )
    shows(named, zddc["kind_cluster_node_address"])
    assert pods(core) == before
    assert {file: file.stat().st_mtime_ns for file in VARS_FILE.parent.iterdir()} == files
