# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A release of the charts, installed by a real Helm, becomes an instance."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm import CHARTS


def told(played: Any, start: str) -> str:
    """Give the message that begins so."""
    (found,) = [message for message in played.messages if message.startswith(start)]
    return found


def test_prod(releases: Any, tmp_path: Path) -> None:
    releases.install("archive", "prod", ingress={"enabled": True, "className": "traefik", "host": "archive.example.org"})
    file, before = tmp_path / "archive.yml", releases.objects()

    played = releases.migrate("-e", "release=archiv")
    assert (played.returncode, played.message) == (
        2,
        f"Helm has no release 'archiv' in namespace '{releases.namespace}'. There are: archive. Name one of them: -e "
        "release=NAME, and its namespace: -e zddc_server_namespace=NAMESPACE",
    )
    played = releases.migrate("-e", "release=archive", "-e", f"file={file}", "--check")
    assert (played.returncode, played.message, file.exists()) == (0, "", False)
    played = releases.migrate("-e", "release=archive", "-e", f"file={file}")
    assert (played.returncode, played.message, releases.objects()) == (0, "", before)
    assert yaml.safe_load(file.read_text()) == {
        "zddc_server_mode": "prod",
        "zddc_server_name": "archive",
        "zddc_server_namespace": releases.namespace,
        "zddc_server_git_repo": releases.repository,
        "zddc_server_git_ref": "zddc-server-v0.0.6",
        "zddc_server_build_image": releases.variables()["zddc_server_build_image"],
        "zddc_server_build_image_pull_policy": "IfNotPresent",
        "zddc_server_image": releases.variables()["zddc_server_image"],
        "zddc_server_image_pull_policy": "IfNotPresent",
        "zddc_server_root": "/srv",
        "zddc_server_addr": ":8080",
        "zddc_server_email_header": "X-Auth-Request-Email",
        "zddc_server_log_level": "info",
        "zddc_server_index_path": ".archive",
        "zddc_server_cors_origins": [],
        "zddc_server_probes": {"liveness": {"periodSeconds": 30}},
        "zddc_server_data_claim": "zddc-root",
        "zddc_server_replicas": 1,
        "zddc_server_strategy": "RollingUpdate",
        "zddc_server_service_type": "NodePort",
        "zddc_server_service_port": 80,
        "zddc_server_service_node_port": releases.node_port,
        "zddc_server_ingress_enabled": True,
        "zddc_server_ingress_hosts": [{"host": "archive.example.org"}],
        "zddc_server_ingress_class_name": "traefik",
        # Of the documents.
        "zddc_server_run_as_user": 65532,
        "zddc_server_run_as_group": 65532,
    }
    assert file.read_text().startswith(
        f"# The settings of the Helm release archive in namespace {releases.namespace}.\n# Its chart: zddc-server-prod 0.1.0\n"
        "# To decide:\n"
        "# - zddc_server_allowed_clients or zddc_server_guarded_elsewhere: the server trusts the header with the user's\n"
        "#   e-mail. Name what may reach its pods, or declare that something else restricts access to them.\n\n"
        "zddc_server_mode: prod\n"
    )
    said = told(played, f"{file} has the settings of the release")
    assert "Objects to take over: Service archive, Deployment archive, Ingress archive." in said
    assert "Without service: never. The old pods serve until the new ones do." in said
    assert "zddc_server_allowed_clients or zddc_server_guarded_elsewhere: the server trusts the header" in said

    played = releases.migrate("-e", "release=archive", "-e", f"file={file}")
    assert (played.returncode, played.message) == (
        2,
        f"{file} already exists and is not overwritten. Take the release over with it, or name another: -e file=FILE",
    )
    reviewed = ("-e", f"@{file}", "-e", "zddc_server_guarded_elsewhere=true")
    for step, message in (
        ("forget=true", f"The release archive in namespace {releases.namespace} was not taken over, so Helm keeps its record. "
         "Nothing was changed. Take it over first: -e @FILE -e take_over=true"),
        ('{"take_over": true, "forget": true}', "take_over and forget are both true. Nothing was changed. Set only one: check "
         "that what was taken over works before Helm forgets it."),
        ("take_over=true", "Nothing was changed.\n- zddc_server_mode is 'dev', but the release is one of prod. Give the "
         "variables that were written for it: -e @FILE"),
    ):  # fmt: skip
        mode = ("-e", "zddc_server_mode=dev") if step.startswith("take") else ()
        played = releases.migrate(*reviewed, "-e", step, *mode)
        assert (played.returncode, played.message) == (2, message)
    played = releases.migrate(*reviewed, "-e", "take_over=true", "--check", "--diff")
    assert (played.returncode, played.message, releases.objects()) == (0, "", before)
    assert {diff["before_header"].split()[0] for diff in played.diffs} >= {"Service", "Deployment", "Ingress"}

    (old,) = releases.pod_names("archive")
    # New pods that do not come up are no matter for the old ones, and the next run goes on from there.
    failing = ("-e", "zddc_server_fetch_image=localhost/nowhere:1", "-e", "zddc_server_fetch_image_pull_policy=Never")
    with releases.asked(0.05) as answers:
        played = releases.migrate(*reviewed, "-e", "take_over=true", *failing)
    assert played.returncode == 2 and "the image localhost/nowhere:1 cannot be pulled" in played.message
    assert played.end.endswith("\nThe pods of the release still serve.\nNext: fix the cause and run this again")
    assert set(answers) == {answers[0]} and not answers[0].startswith("failed")
    assert old in releases.pod_names("archive")

    with releases.asked(0.05) as answers:
        played = releases.migrate(*reviewed, "-e", "take_over=true")
    assert (played.returncode, played.message) == (0, "")
    assert set(answers) == {answers[0]} and len(answers) > 50
    assert told(played, "The old pods served until the new ones did.\n")
    (new,) = releases.pod_names("archive")
    assert new != old
    found = releases.apps.read_namespaced_deployment("archive", releases.namespace)
    assert {one.manager for one in found.metadata.managed_fields} == {"varasys.zddc", "kube-controller-manager"}
    assert (found.spec.min_ready_seconds, found.spec.strategy.rolling_update.max_surge) == (2, 1)
    for item in (found, releases.networking.read_namespaced_ingress("archive", releases.namespace)):
        assert item.metadata.labels["app.kubernetes.io/managed-by"] == "varasys.zddc"
        assert not [key for key in item.metadata.annotations or {} if "helm" in key]

    # From now on it is an instance as any other; Helm's record goes when that is asked for.
    given = {key.removeprefix("zddc_server_"): value for key, value in yaml.safe_load(file.read_text()).items()}
    assert releases.deploy(**given).changed == 0
    assert releases.helm("list", "--short") == "archive"
    played = releases.migrate("-e", f"@{file}", "-e", "zddc_server_guarded_elsewhere=true", "-e", "forget=true")
    assert (played.returncode, played.message, releases.helm("list", "--short")) == (0, "", "")
    assert releases.pod_names("archive") == [new]
    assert releases.deploy(playbook="remove", **given).returncode == 0


@pytest.mark.parametrize("jobs", [True, False], ids=["by a Job", "by hand"])
def test_dev(releases: Any, tmp_path: Path, jobs: bool) -> None:
    releases.install("soak", "dev")
    file = tmp_path / "soak.yml"
    played = releases.migrate("-e", "release=soak", "-e", f"file={file}")
    assert (played.returncode, played.message) == (0, "")
    assert "Without service: from the end of the old pod until the new one has compiled and started." in told(
        played, f"{file} has"
    )
    (old,) = releases.pods("soak")
    mount = f"/var/lib/kubelet/pods/{old.metadata.uid}/volumes/kubernetes.io~empty-dir/data"
    assert mount in releases.on_node("cat /proc/1/mounts")
    with nullcontext() if jobs else releases.without_jobs(), ThreadPoolExecutor() as beside:
        if not jobs:
            beside.submit(releases.unmount, old, mount)
        played = releases.migrate("-e", f"@{file}", "-e", "zddc_server_guarded_elsewhere=true", "-e", "take_over=true")
    assert (played.returncode, played.message) == (0, "")
    if not jobs:
        by_hand = told(played, f"The mount of the old pod {old.metadata.name} could not be undone: ")
        assert "exceeded quota: no-jobs" in by_hand and by_hand.rstrip().endswith(f"\numount {mount}")
        assert f"Undo it on the node {old.spec.node_name}, as root; the play waits 600 s for it:" in by_hand
    assert told(played, "There was no service for ")
    (new,) = releases.pod_names("soak")
    assert new != old.metadata.name and releases.served()
    assert mount not in releases.on_node("cat /proc/1/mounts")
    assert releases.batch.list_namespaced_job(releases.namespace, label_selector="app.kubernetes.io/instance=soak").items == []
    given = {key.removeprefix("zddc_server_"): value for key, value in yaml.safe_load(file.read_text()).items()}
    assert releases.deploy(**given).changed == 0
    # Who uninstalls it all the same loses none of them.
    assert "Helm still has its record of the release: do not upgrade or uninstall it with Helm." in told(
        played, "There was no service for "
    )
    releases.helm("uninstall", "soak", "--wait")
    assert releases.deploy(**given).changed == 0
    assert releases.deploy(playbook="remove", **given).returncode == 0


def test_another_selector(releases: Any, tmp_path: Path) -> None:
    """A chart that was changed so. Its pods could not become the role's."""
    chart, file = tmp_path / "chart", tmp_path / "web.yml"
    shutil.copytree(CHARTS / "zddc-server-prod", chart)
    for path in chart.glob("templates/*.yaml"):
        path.write_text(path.read_text().replace("app.kubernetes.io/name: zddc-server", "app: zddc"))
    releases.install("web", "prod", chart, replicas=0)
    before = releases.objects()
    obstacle = (
        "Deployment 'web' selects its pods by app=zddc, app.kubernetes.io/instance=web, which cannot be changed; the role's "
        "would select them by app.kubernetes.io/name=zddc-server, app.kubernetes.io/instance=web."
    )
    played = releases.migrate("-e", "release=web", "-e", f"file={file}")
    assert (played.returncode, played.message, file.exists()) == (
        2,
        f"{obstacle} So this release cannot be taken over as it is. docs/from-helm.md shows how to move it under the same name, "
        "or under a new one.",
        False,
    )
    given = ("-e", "zddc_server_name=web", "-e", f"zddc_server_git_repo={releases.repository}", "-e", "take_over=true")
    played = releases.migrate(*given)
    assert (played.returncode, played.message, releases.objects()) == (
        2, f"Nothing was changed.\n- {obstacle} docs/from-helm.md shows how to move it.", before,
    )  # fmt: skip
    releases.helm("uninstall", "web", "--wait")
