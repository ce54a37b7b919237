# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A second cluster beside zddc: made, left alone, mended, made anew, removed. The tests go on from one another."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes
import pytest
from cache import CACHE

HERE = Path(__file__).parent
FILES = HERE.parents[1] / "roles/kind_cluster/files"
NAME = "zddc-second"
NODE = f"{NAME}-control-plane"
FREEZER = Path("/sys/fs/cgroup/freezer")


class Cluster:
    """The second cluster: sees to it by the playbook, looks at it and breaks it by the engine."""

    def __init__(self, folder: Path, play: Callable[..., Any]) -> None:
        self.kubeconfig = folder / "kubeconfig"
        self.vars_file = folder / "vars.yml"
        self._play = play
        self._engine = self.found()["engine"]

    def script(self, verb: str, engine: str) -> str:
        """Run the role's script, and give what it prints."""
        environment = {"CACHE": CACHE, "NAME": NAME, "ENGINE": engine, "KUBECONFIG": self.kubeconfig, "CONFIG": "none"}
        command = ["env", *(f"{name}={value}" for name, value in environment.items()), "bash", FILES / "cluster.sh", verb]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def found(self) -> dict[str, Any]:
        """Give what the role finds of it."""
        return dict(json.loads(self.script("look", "auto")))

    def lose(self) -> str:
        """Remove its node and nothing else, and give what the role's script says."""
        return self.script("down", self._engine)

    def freeze(self) -> None:
        """Freeze a process of the node, as runc does for moments."""
        self.engine("exec", "--detach", NODE, "sleep", "3600")
        processes = dict(line.split()[::-1] for line in self.engine("top", NODE, "-eo", "pid,comm").splitlines())
        line = next(line for line in Path(f"/proc/{processes['sleep']}/cgroup").read_text().splitlines() if ":freezer:" in line)
        folder = FREEZER / line.split(":")[2].lstrip("/") / "frozen"
        folder.mkdir()
        (folder / "cgroup.procs").write_text(processes["sleep"])
        (folder / "freezer.state").write_text("FROZEN")

    def engine(self, *arguments: str) -> str:
        """Run a command of the container engine."""
        return subprocess.run([self._engine, *arguments], capture_output=True, text=True, check=True).stdout.strip()

    def containers(self) -> str:
        """Give the cluster's containers."""
        return self.engine("ps", "-aq", "--filter", f"label=io.x-k8s.kind.cluster={NAME}")

    def see_to(self, **variables: Any) -> Any:
        """Run the playbook with variables of the role, named without their prefix."""
        usual = {
            "name": NAME,
            "ports": [{"host_port": 30180, "node_port": 30080}],
            "kubeconfig": str(self.kubeconfig),
            "vars_file": str(self.vars_file),
        }
        given = {f"kind_cluster_{name}": value for name, value in (usual | variables).items()}
        return self._play("playbooks/cluster.yml", "-e", json.dumps(given))

    def became(self, what: str) -> Any:
        """Run the playbook; see what it says became of the cluster, and that the kubeconfig leads to a Ready node."""
        played = self.see_to()
        assert played.returncode == 0, played.message or played.output
        assert f"The cluster {NAME} was {what}." in played.output
        self.answers()
        return played

    def answers(self) -> None:
        """See that the kubeconfig leads to this cluster, whose node is Ready."""
        core = kubernetes.client.CoreV1Api(kubernetes.config.new_client_from_config(str(self.kubeconfig)))
        (node,) = core.list_node().items
        ready = next(item.status for item in node.status.conditions if item.type == "Ready")
        assert (node.metadata.name, ready) == (NODE, "True")


@pytest.fixture(scope="module", name="cluster")
def cluster_fixture(play: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give the second cluster, of which nothing is there yet; see that it goes without a trace and that zddc stays."""
    cluster = Cluster(tmp_path_factory.mktemp("second"), play)
    mark = ("inspect", "-f", "{{.Id}} {{.State.StartedAt}}", "zddc-control-plane")
    zddc = cluster.engine(*mark)
    assert not cluster.containers(), f"'kind delete cluster --name {NAME}' removes what an earlier run left"
    yield cluster
    gone = cluster.see_to(state="absent")
    assert (gone.returncode, gone.message) == (0, "")
    left = [path for path in (cluster.kubeconfig, cluster.vars_file, CACHE / "clusters" / NAME) if path.exists()]
    assert (cluster.containers(), left) == ("", [])
    assert cluster.see_to(state="absent").changed == 0
    assert cluster.engine(*mark) == zddc


@pytest.mark.alone
def test_it_is_made_in_30_seconds_from_what_is_built(cluster: Cluster) -> None:
    plan = ["env", f"CACHE={CACHE}", "bash", FILES / "pieces.sh", "plan", "kind", "node"]
    if " missing" in subprocess.run(plan, capture_output=True, text=True, check=True).stdout:
        # As where zddc was made of an earlier state of the checkout.
        cluster.became("created")
        assert cluster.see_to(state="absent").returncode == 0
    played = cluster.became("created")
    assert played.seconds < 30
    assert cluster.vars_file.stat().st_mode & 0o777 == cluster.kubeconfig.stat().st_mode & 0o777 == 0o600


def test_the_same_again_changes_nothing(cluster: Cluster) -> None:
    again = cluster.see_to()
    assert (again.returncode, again.changed) == (0, 0), again.message or again.output


def test_images_of_another_time_are_not_taken(cluster: Cluster) -> None:
    before = cluster.vars_file.read_text()
    (image,) = re.findall("zddc_server_build_image: (.*)", before)
    for tag in range(6):
        cluster.engine("exec", NODE, "ctr", "-n", "k8s.io", "images", "tag", image, f"{image.partition(':')[0]}:{tag}-of-then")
    again = cluster.see_to()
    assert (again.returncode, again.changed) == (0, 0), again.message or again.output
    assert cluster.vars_file.read_text() == before


@pytest.mark.parametrize("left", [None, "", "of another cluster\n"], ids=["gone", "empty", "another's"])
def test_a_kubeconfig_is_mended_with_nothing_built(cluster: Cluster, left: str | None, tmp_path: Path) -> None:
    cluster.kubeconfig.unlink(missing_ok=True)
    if left is not None:
        cluster.kubeconfig.write_text(left)
    # With this cache no piece is built, as after an upgrade of Go.
    mended = cluster.see_to(cache=str(tmp_path / "cache"))
    assert (mended.returncode, mended.changed) == (0, 1), mended.message or mended.output
    assert not (tmp_path / "cache").exists()
    cluster.answers()


def test_a_port_that_it_was_made_without(cluster: Cluster) -> None:
    refused = cluster.see_to(ports=[{"host_port": 30180, "node_port": 30080}, {"host_port": 30181, "node_port": 30081}])
    assert refused.returncode == 2
    assert refused.message.startswith(f"kind_cluster_ports: the cluster {NAME} was created without 30181:30081 ")
    assert cluster.found()["ready"]


def test_a_stopped_node_is_started(cluster: Cluster) -> None:
    before = cluster.containers()
    cluster.engine("kill", NODE)
    cluster.became("started")
    assert cluster.containers() == before


def test_what_is_sent_to_no_pod_stays_on_the_node(cluster: Cluster) -> None:
    if not cluster.engine("inspect", "-f", "{{.Config.Image}}", NODE).startswith("localhost/zddc-stand-in/"):
        pytest.skip("the node was not built here: where a registry answers, it has the network of kind's own image")
    # On some machines whoever is out there answers for every address.
    with pytest.raises(subprocess.CalledProcessError) as caught:
        cluster.engine("exec", NODE, "ip", "route", "get", "10.244.0.250")
    assert caught.value.stderr == "RTNETLINK answers: No route to host\n"


def test_a_cluster_that_was_half_made_is_made_anew(cluster: Cluster) -> None:
    before = cluster.containers()
    cluster.engine("exec", NODE, "rm", "/kind/complete")
    cluster.became("created again, because it was running and beyond repair")
    assert cluster.containers() != before


@pytest.mark.skipif(not FREEZER.exists(), reason="this machine has cgroup v2, where a frozen process can be killed")
def test_a_node_with_a_frozen_process_can_be_removed(cluster: Cluster) -> None:
    cluster.freeze()
    assert (cluster.lose(), cluster.containers()) == ("removed", "")


def test_a_lost_node_is_made_anew(cluster: Cluster) -> None:
    cluster.lose()
    cluster.became("created")


@pytest.mark.usefixtures("cluster")
def test_a_full_disk(play: Callable[..., Any], tmp_path: Path) -> None:
    cache, df = tmp_path / "cache", tmp_path / "bin/df"
    df.parent.mkdir()
    df.write_text("#!/bin/sh\necho Avail\necho 3G\n")
    df.chmod(0o755)
    given = {"kind_cluster_name": "zddc-none", "kind_cluster_cache": str(cache), "kind_cluster_images": "packages"}
    played = play("playbooks/cluster.yml", "-e", json.dumps(given), PATH=f"{df.parent}:{os.environ['PATH']}")
    assert played.returncode == 2
    assert played.message == (
        f"The disk of {cache} has 3 GiB free, and building images takes 16: free some, or set kind_cluster_cache."
    )
    assert list(cache.iterdir()) == []


def test_packages_are_installed_on_debian_alone(play: Callable[..., Any]) -> None:
    played = play(HERE / "packages.yml")
    assert played.returncode == 2
    assert played.message.startswith("No container engine is installed, and only root can install packages, on Debian. ")
