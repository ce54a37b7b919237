# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The history, the ways back, runs beside each other and runs that are killed; no pod is built, since only the Service and
the Ingress change, or the new pod fails."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import kubernetes
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
INGRESS = {"ingress_enabled": True, "ingress_hosts": [{"host": "zddc.example.org"}]}


def records(stage: Any) -> dict[int, Any]:
    """Give the instance's records by revision."""
    selector = f"app.kubernetes.io/instance={stage.name}"
    found = stage.apps.list_namespaced_controller_revision(stage.namespace, label_selector=selector).items
    return {item.revision: item for item in sorted(found, key=lambda item: item.revision)}


def result(record: Any) -> str:
    """Give how the revision ended."""
    return str(record.metadata.annotations["varasys.zddc/result"])


def kinds(record: Any) -> list[str]:
    """Give the kinds of the recorded objects."""
    return [item["kind"] for item in record.data["objects"]]


def leases(stage: Any) -> list[Any]:
    """Give the namespace's Leases."""
    return kubernetes.client.CoordinationV1Api(stage.core.api_client).list_namespaced_lease(stage.namespace).items


def test_every_revision_is_recorded_and_comes_back(stage: Any) -> None:
    before, pods, first = stage.objects(), stage.pod_names(), max(records(stage))
    assert stage.deploy(**INGRESS).returncode == 0
    with_ingress = stage.objects()
    found = records(stage)
    assert max(found) == first + 1
    assert kinds(found[first + 1]) == ["Service", "Deployment", "Ingress"]
    assert (result(found[first]), result(found[first + 1])) == ("served", "served")

    checked = stage.deploy("--check", "--diff", playbook="rollback")
    assert (checked.returncode, checked.changed) == (0, 1)
    assert [diff["after_header"] for diff in checked.diffs] == [f"Ingress {stage.name}, removed by a deploy"]
    assert stage.objects() == with_ingress

    played = stage.deploy(playbook="rollback")
    assert (played.returncode, played.message) == (0, "")
    assert (stage.objects(), stage.pod_names()) == (before, pods)
    found = records(stage)
    assert (max(found), kinds(found[first + 2])) == (first + 2, ["Service", "Deployment"])
    assert found[first + 2].data["note"] == f"rollback to {first}"

    played = stage.deploy("-e", f"revision={first + 1}", playbook="rollback")
    assert (played.returncode, played.message) == (0, "")
    assert stage.objects().keys() == with_ingress.keys()
    assert stage.pod_names() == pods

    shown = stage.deploy(playbook="history")
    (table,) = [message for message in shown.messages if "REVISION" in message]
    for line in (f"{first + 1} ", f"{first + 2} "):
        assert any(row.startswith(line) and "served" in row for row in table.splitlines())
    assert f"served: rollback to {first}\n" in table
    assert (stage.deploy().returncode, stage.objects()) == (0, before)


def test_a_revision_that_is_not_there(stage: Any) -> None:
    before = stage.objects()
    played = stage.deploy("-e", "revision=99", playbook="rollback")
    listed = ", ".join(f"{number} ({result(record)})" for number, record in records(stage).items())
    assert (played.returncode, played.message) == (
        2,
        f"{stage.name} in namespace {stage.namespace} has no revision 99. Nothing was changed. There are: {listed}. "
        "Name one of them: -e revision=NUMBER",
    )
    assert stage.objects() == before


def test_the_history_is_kept_within_its_limit(stage: Any) -> None:
    newest = max(records(stage))
    assert stage.deploy(**INGRESS, history_limit=2).returncode == 0
    assert list(records(stage)) == [newest, newest + 1]
    assert stage.deploy(history_limit=2).returncode == 0
    assert list(records(stage)) == [newest + 1, newest + 2]


def test_a_failed_revision_goes_back(stage: Any, tmp_path: Path) -> None:
    before, pods, newest = stage.objects(), stage.pod_names(), max(records(stage))
    broken = {"fetch_image": "localhost/nowhere:1", "failures_dir": str(tmp_path)}
    played = stage.deploy(**broken, rollback_on_failure=True, **INGRESS)
    assert played.returncode == 2
    commit = stage.deployment().spec.template.metadata.annotations["varasys.zddc/git-commit"]
    (kept,) = tmp_path.iterdir()
    assert played.end.splitlines() == [
        played.message.splitlines()[0],
        f"Revision {newest} serves again, zddc-server-v0.0.6 at commit {commit}.",
        f"Logs and events of what failed are stored in {kept}",
        "Next: fix the cause and deploy again",
    ]
    assert "Warning Failed Failed to pull image" in (kept / "events.txt").read_text()
    assert "the image localhost/nowhere:1 cannot be pulled" in played.end
    found = records(stage)
    assert [result(found[number]) for number in (newest, newest + 1, newest + 2)] == ["served", "failed", "served"]
    assert found[newest + 1].metadata.annotations["varasys.zddc/cause"] == played.message.splitlines()[0]
    assert found[newest + 2].data["note"] == f"back from {stage.name}-v{newest + 1}"
    assert (stage.objects().keys(), stage.pod_names()) == (before.keys(), pods)
    assert stage.served()
    assert (stage.deploy().changed, leases(stage)) == (0, [])


def test_a_failed_revision_stays_where_nothing_shall_go_back(stage: Any, tmp_path: Path) -> None:
    newest = max(records(stage))
    broken = {"fetch_image": "localhost/nowhere:1", "failures_dir": str(tmp_path)}
    played = stage.deploy(**broken, rollback_on_failure=False)
    assert played.returncode == 2
    (kept,) = tmp_path.iterdir()
    assert played.end.splitlines() == [
        played.message.splitlines()[0],
        "There was no rollback, because zddc_server_rollback_on_failure is false.",
        f"Logs and events of what failed are stored in {kept}",
        f"Next: fix the cause and deploy again, or roll back to revision {newest} with the playbook rollback",
    ]
    assert result(records(stage)[newest + 1]) == "failed"
    assert stage.served()
    assert stage.deploy().returncode == 0


def test_what_the_cluster_refuses_after_all_goes_back(stage: Any) -> None:
    before, pods, newest = stage.objects(), stage.pod_names(), max(records(stage))
    # A dry run takes it.
    played = stage.deploy(service_node_port=29999, rollback_on_failure=True, **INGRESS)
    refused = (
        f'The cluster rejects this: zddc_server_service_*: Service "{stage.name}" is invalid: spec.ports[0].nodePort: '
        "Invalid value: 29999: provided port is not in the valid range. The range of valid ports is 30000-32767"
    )
    assert (played.returncode, played.message) == (
        2, f"{refused}\nWhat was applied before it stays. Fix it and run this again."
    )  # fmt: skip
    commit = stage.deployment().spec.template.metadata.annotations["varasys.zddc/git-commit"]
    assert played.end.splitlines() == [
        refused,
        f"Revision {newest} serves again, zddc-server-v0.0.6 at commit {commit}.",
        "Next: fix the cause and deploy again",
    ]
    found = records(stage)
    assert [result(found[number]) for number in (newest, newest + 1, newest + 2)] == ["served", "failed", "served"]
    assert found[newest + 1].metadata.annotations["varasys.zddc/cause"] == refused
    # Nothing that comes after what was refused was applied.
    assert (stage.objects(), stage.pod_names()) == (before, pods)
    assert (stage.deploy().changed, leases(stage)) == (0, [])


def test_a_first_revision_that_fails_has_nothing_to_go_back_to(stage: Any) -> None:
    second = {"name": "second", "service_node_port": 0, "service_type": "ClusterIP"}
    played = stage.deploy(**second, fetch_image="localhost/nowhere:1", rollback_on_failure=True)
    assert played.returncode == 2
    assert played.end.splitlines()[1] == "No other revision has served before, so there is none to roll back to."
    removed = stage.deploy(**second, playbook="remove")
    assert (removed.returncode, removed.message) == (0, "")
    assert not [name for name in stage.objects() if name.endswith(" second")]
    assert leases(stage) == []


def test_it_stops_and_starts_again(stage: Any) -> None:
    before = stage.objects()
    played = stage.deploy("--check", playbook="stop")
    assert (played.returncode, played.changed, stage.objects()) == (0, 1, before)
    played = stage.deploy(playbook="stop")
    assert (played.returncode, played.message, stage.pod_names()) == (0, "", [])
    assert stage.objects().keys() == before.keys()
    assert stage.deploy(playbook="stop").changed == 0
    (table,) = [message for message in stage.deploy(playbook="status").messages if message.startswith("INSTANCE")]
    (line,) = [line for line in table.splitlines() if line.startswith(stage.name)]
    assert re.search(r" 0/0 .* no +stopped$", line)
    verified = stage.deploy(playbook="verify")
    assert verified.returncode == 2
    answer = (
        f'no answer from the server: the cluster answers with an error (503): no endpoints available for service "{stage.name}"'
    )
    assert f"\n- GET / answers 200 with HTML: failed, {answer}\n" in verified.message
    assert stage.deploy().returncode == 0
    assert stage.served()


def test_a_second_run_waits_or_stops(stage: Any) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    lease = {
        "metadata": {"name": f"varasys.zddc.{stage.name}"},
        "spec": {"holderIdentity": "ada@elsewhere 1", "leaseDurationSeconds": 15, "acquireTime": now, "renewTime": now},
    }
    kubernetes.client.CustomObjectsApi(stage.core.api_client).create_namespaced_custom_object(
        "coordination.k8s.io", "v1", stage.namespace, "leases", {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", **lease}
    )
    before = stage.objects()
    stopped = stage.deploy(**INGRESS, lease_timeout=1)
    assert stopped.returncode == 2
    assert stopped.message.startswith(
        f"Another run is working on this: ada@elsewhere 1 holds the Lease varasys.zddc.{stage.name} in namespace "
        f"{stage.namespace} (since {now[:19]}Z). Waited "
    )
    assert "Nothing was changed. Run this again when that run has ended; if it was killed" in stopped.message
    assert stage.objects() == before
    # It needs no Lease to see that nothing is to be done, and no longer than the Lease lasts where something is.
    assert stage.deploy().changed == 0
    assert stage.deploy(**INGRESS).returncode == 0
    assert leases(stage) == []
    assert stage.deploy().returncode == 0


def test_a_run_whose_lease_another_took_goes_back_to_nothing(stage: Any) -> None:
    name, newest = f"varasys.zddc.{stage.name}", max(records(stage))
    place = ("coordination.k8s.io", "v1", stage.namespace, "leases", name)
    custom = kubernetes.client.CustomObjectsApi(stage.core.api_client)
    waiting = {"node_selector": {"nowhere": "1"}, "unschedulable_timeout": 120, "rollback_on_failure": True}
    with ThreadPoolExecutor() as beside:
        deploy = beside.submit(lambda: stage.deploy(**waiting))
        stage.until(stage.pod_names, lambda names: len(names) == 2)
        # As one does that comes when the Lease has ended.
        custom.patch_namespaced_custom_object(
            *place, {"spec": {"holderIdentity": "ada@elsewhere 1", "leaseDurationSeconds": 600}}
        )
        played = deploy.result()
    assert (played.returncode, played.end) == (
        2,
        f"Deployment {stage.name} in namespace {stage.namespace}: ada@elsewhere 1 also works on it, and has taken over the "
        "Lease. Run this again when that run has ended.",
    )
    assert (max(records(stage)), result(records(stage)[newest + 1])) == (newest + 1, "unfinished")
    custom.delete_namespaced_custom_object(*place)
    assert stage.deploy().returncode == 0
    assert stage.served()


def test_two_runs_make_no_mix(stage: Any) -> None:
    variants = {"ClusterIP": {"service_type": "ClusterIP", "service_node_port": 0}, "NodePort": INGRESS}
    with ThreadPoolExecutor() as beside:
        played = list(beside.map(lambda variables: stage.deploy(**variables), variants.values()))
    assert [(one.returncode, one.message) for one in played] == [(0, ""), (0, "")]
    service = stage.core.read_namespaced_service(stage.name, stage.namespace).spec.type
    assert (f"Ingress {stage.name}" in stage.objects()) == (service == "NodePort")
    last = records(stage)[max(records(stage))]
    assert last.data["objects"][0]["spec"]["type"] == service
    assert (stage.deploy(**variants[service]).changed, leases(stage)) == (0, [])
    assert stage.deploy().returncode == 0


def kill(stage: Any, at: str, **variables: Any) -> None:
    """Kill a deploy as it begins with a task."""
    given = json.dumps(stage.variables(**variables))
    command = ["ansible-playbook", "-i", "localhost,", "playbooks/deploy.yml", "-e", given]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True, cwd=ROOT) as run:
        assert any(at in line for line in run.stdout)
        os.killpg(run.pid, signal.SIGKILL)


def converges(stage: Any) -> None:
    """See that the next run does all that is left."""
    played = stage.deploy()
    assert (played.returncode, played.message) == (0, "")
    assert not any(name.startswith("Ingress") for name in stage.objects())
    assert stage.deploy().changed == 0
    assert result(records(stage)[max(records(stage))]) == "served"
    assert stage.served()


@pytest.mark.parametrize("at", ["Apply the objects", "Wait until the new revision serves"])
def test_a_run_that_is_killed_blocks_nothing(stage: Any, at: str) -> None:
    kill(stage, at, **INGRESS, fetch_image="localhost/nowhere:1")
    converges(stage)


@pytest.mark.parametrize("at", ["Remove what is no longer needed", "Record that it serves"])
def test_a_run_that_is_killed_near_its_end_blocks_nothing(stage: Any, at: str) -> None:
    assert stage.deploy(**INGRESS).returncode == 0
    kill(stage, at)
    converges(stage)
