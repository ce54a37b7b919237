# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The build before a rollout, and the cache, on the cluster."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from stage import TAKEN

ROOT = Path(__file__).resolve().parent.parent.parent
MAIN = {"git_ref": "main", "allow_mutable_ref": True}


def new_pod(site: Any) -> str:
    """Delete the pod, and give the name of the one that takes its place, once the node leads to it."""
    (old,) = site.servers()
    site.core.delete_namespaced_pod(old, site.namespace)

    def answering() -> tuple[str, list[str]]:
        # Those that are told to stop answer for some seconds yet, and the node learns late of both.
        with suppress(OSError), urlopen(f"{site.url}.admin/config", timeout=2) as answer:
            return str(json.load(answer)["hostname"]), site.servers()
        return old, []

    new, _servers = site.until(answering, lambda seen: seen[0] != old and seen[1] == [seen[0]], 120)
    return str(new)


def test_what_was_deployed(site: Any) -> None:
    (pod,) = site.servers()
    assert TAKEN in site.log(pod)
    annotations = site.deployment().spec.template.metadata.annotations
    said = [line.removeprefix("build:   ") for line in site.log(pod) if line.startswith("build:   ")]
    record = dict(line.split("=", 1) for line in said)
    assert record["commit"] == record["vcs.revision"] == annotations["varasys.zddc/git-commit"] == site.served()
    assert record["flags"] == annotations["varasys.zddc/build-flags"] == "-trimpath"
    (binary,) = site.cached("ls binaries").split()
    assert site.cached(f"sha256sum binaries/{binary}").split()[0] == record["sha256"] == binary
    claim = site.core.read_namespaced_persistent_volume_claim(site.claim, site.namespace)
    assert claim.metadata.labels["app.kubernetes.io/managed-by"] == "varasys.zddc"


def test_the_build_has_no_right_that_it_does_not_need(site: Any) -> None:
    (job,) = site.jobs().values()
    pod = job.spec.template.spec
    assert (pod.automount_service_account_token, pod.service_account_name) == (False, "default")
    assert {volume.name for volume in pod.volumes} == {"build", "bin", "cache"}
    for container in [*(pod.init_containers or []), *pod.containers]:
        security = container.security_context
        assert (security.run_as_non_root, security.run_as_user, security.read_only_root_filesystem) == (True, 65532, True)
        assert (security.allow_privilege_escalation, security.capabilities.drop) == (False, ["ALL"])
    # The Service does not find it.
    service = site.core.read_namespaced_service(site.name, site.namespace).spec.selector
    assert not service.items() <= job.spec.template.metadata.labels.items()


def test_the_same_again_changes_nothing(site: Any) -> None:
    before, pods = site.objects(), site.servers()
    # The commit that it leads to may be named.
    played = site.deploy(expected_commit=site.served())
    assert (played.returncode, played.changed, site.objects(), site.servers()) == (0, 0, before, pods)
    # A build that is gone, as all are after an hour, is no change.
    for name in site.jobs():
        site.batch.delete_namespaced_job(name, site.namespace, propagation_policy="Foreground")
    site.until(site.jobs, equals={})
    before = site.objects()
    played = site.deploy()
    assert (played.returncode, played.changed, site.objects(), site.servers()) == (0, 0, before, pods)


def test_check_mode_builds_nothing(site: Any) -> None:
    before = site.objects()
    played = site.deploy("--check", git_ref="zddc-server-v0.0.7")
    assert (played.returncode, played.message, played.changed) == (0, "", 1)
    assert site.objects() == before


def test_without_the_git_host(site: Any) -> None:
    with site.without_git():
        assert TAKEN in site.log(new_pod(site))

        # A damaged binary is built anew, from the source that the cache has.
        site.cached('for one in binaries/*; do printf x | dd of="$one" bs=1 seek=100 conv=notrunc; done')
        said = site.log(new_pod(site))
        assert any(line.endswith("in the cache is damaged or missing: building it again") for line in said)
        assert "fetch: the cache has the source of that commit" in said
        assert TAKEN in site.log(new_pod(site))

        # The ref is the same: what is deployed stays.
        before, commit = site.objects(), site.served()
        unreadable = f"zddc_server_git_repo: {site.repository} cannot be read: "
        played = site.deploy()
        assert (played.returncode, played.changed, site.objects()) == (0, 0, before)
        (told,) = [message for message in played.messages if message.startswith(unreadable) and "Continuing" in message]
        assert told.endswith(f" Continuing with commit {commit}, which was deployed last; newer commits were not checked.")

        # It can still be changed otherwise, and its commit be named in full.
        played = site.deploy(git_ref=commit, log_level="warn")
        assert (played.returncode, played.message) == (0, "")
        assert any(message.endswith(f" Continuing with commit {commit}, which was given.") for message in played.messages)
        assert site.served() == commit
        played = site.deploy(playbook="rollback")
        assert (played.returncode, played.message) == (0, "")

        # Another ref stops.
        before = site.objects()
        played = site.deploy(git_ref="zddc-server-v0.0.7")
        assert played.returncode == 2
        assert played.message.startswith(unreadable)
        assert played.message.endswith(
            " No commit of this ref is deployed that could be kept; a full commit as zddc_server_git_ref needs no answer."
        )
        assert site.objects() == before


def test_a_commit_that_does_not_compile(site: Any) -> None:
    before, pods, commit = site.objects(), site.servers(), site.push("break", "compile")
    jobs = site.jobs()
    with site.asked(0.05) as answers:
        played = site.deploy(**MAIN)
    assert played.returncode == 2
    lines = played.message.splitlines()
    (name,) = site.jobs().keys() - jobs.keys()
    assert re.fullmatch(
        rf"pod {name}-\w+: container build failed: cmd/zddc-server/broken\.go:3:18: cannot use "
        r'"this commit does not compile" \(untyped string constant\) as int value in variable declaration',
        lines[0],
    )
    assert lines[-2:] == [
        "The instance was not changed: what served before still serves.",
        "Next: fix the cause and deploy again",
    ]
    assert len(answers) > 20 and set(answers) == {site.served()} != {commit}
    after = {key: value for key, value in site.objects().items() if key != f"Job {name}"}
    assert (after, site.servers()) == (before, pods)

    # The next one compiles, and only the swap is left: the pods find the binary.
    fixed = site.push("commit", "0.0.10")
    assert site.deploy(**MAIN).returncode == 0
    assert site.served() == fixed
    assert TAKEN in site.log(site.servers()[0])
    assert site.deploy().returncode == 0


def test_a_run_that_is_killed_while_it_builds(site: Any) -> None:
    commit = site.push("commit", "0.0.11")
    given = json.dumps(site.variables(**MAIN))
    command = ["ansible-playbook", "-i", "localhost,", "playbooks/deploy.yml", "-e", given]
    jobs = site.jobs()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        site.until(lambda: site.jobs().keys() - jobs.keys())
        os.killpg(process.pid, signal.SIGKILL)
    (name,) = site.jobs().keys() - jobs.keys()
    uid = site.jobs()[name].metadata.uid
    played = site.deploy(**MAIN)
    assert (played.returncode, played.message, site.served()) == (0, "", commit)
    # Either it was waited for, or it had ended by then.
    if site.jobs()[name].metadata.uid != uid:
        assert TAKEN in site.log(site.servers()[0])
    assert site.deploy().returncode == 0


def test_a_release_that_was_moved(site: Any, tmp_path: Path) -> None:
    before, old = site.objects(), site.served()
    tag = "zddc-server-v0.0.6"

    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    git("clone", "--quiet", site.repository, ".")
    new = git("rev-parse", "zddc-server-v0.0.7^{commit}")
    git("push", "--quiet", "--force", "origin", f"{new}:refs/tags/{tag}")
    try:
        played = site.deploy()
        assert (played.returncode, played.message) == (
            2,
            f"zddc_server_git_ref: the tag '{tag}' has moved. It was deployed at commit {old} and is now at {new}. A "
            "release does not change: ask who moved it, and name another, or set zddc_server_allow_moved_tag to true.\n"
            "Nothing was changed.",
        )
        assert (site.objects(), site.served()) == (before, old)
        # Going back to what was recorded is no move.
        assert site.deploy(allow_moved_tag=True).returncode == 0
        assert site.served() == new
        played = site.deploy(playbook="rollback")
        assert (played.returncode, played.message, site.served()) == (0, "", old)
    finally:
        git("push", "--quiet", "--force", "origin", f"{old}:refs/tags/{tag}")
    assert site.deploy().returncode == 0


def test_a_pod_of_its_own_for_each_deploy(site: Any) -> None:
    (first,) = site.servers()
    assert site.deploy(always_recreate=True).returncode == 0
    (second,) = site.servers()
    time.sleep(1)
    assert site.deploy(always_recreate=True).returncode == 0
    (third,) = site.servers()
    assert len({first, second, third}) == 3
    assert TAKEN in site.log(third)
    assert site.deploy().returncode == 0


def test_a_claim_whose_folder_cannot_be_written(site: Any) -> None:
    site.core.create_namespaced_persistent_volume_claim(site.namespace, {
        "metadata": {"name": "locked"},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "tests", "volumeName": f"{site.namespace}-locked",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    })  # fmt: skip
    claim = lambda: site.core.read_namespaced_persistent_volume_claim("locked", site.namespace)  # noqa: E731
    site.until(lambda: claim().status.phase, equals="Bound")
    before, jobs = site.objects(), site.jobs()
    played = site.deploy(build_cache="claim", build_cache_claim="locked", git_ref="zddc-server-v0.0.7")
    assert played.returncode == 2
    assert re.match(
        r"pod \S+: container build failed: build: the cache cannot be written by user 65532, group 65532: mkdir: "
        r"[^\n]*/cache/tmp[^\n]*: Permission denied\n",
        played.message,
    )
    new = site.jobs().keys() - jobs.keys()
    assert {key: value for key, value in site.objects().items() if key.removeprefix("Job ") not in new} == before
    site.core.delete_namespaced_persistent_volume_claim("locked", site.namespace)


@pytest.fixture(name="other")
def other_fixture(site: Any) -> Iterator[Any]:
    """Give the variables of another instance, and remove it at the end, with a volume for its cache."""
    given = {"name": "zddc-other", "service_type": "ClusterIP", "service_node_port": 0}
    jobs = site.jobs()
    yield given
    assert site.deploy(**given, playbook="remove").returncode == 0
    site.until(lambda: site.jobs().keys(), equals=jobs.keys())
    site.remove_volume(f"{site.namespace}-zddc-other-build-cache")


def test_a_cache_without_a_volume(site: Any, other: dict[str, Any]) -> None:
    before = site.objects()
    played = site.deploy(**other)
    assert played.returncode == 2
    assert re.fullmatch(
        r"pod zddc-other-build-\S+: the claim zddc-other-build-cache is not bound: storageclass\.storage\.k8s\.io "
        r'"tests" not found\n'
        r"events:\n"
        r"(  Warning ProvisioningFailed [^\n]+\n)+"
        r"decided by: zddc_server_build_cache, zddc_server_build_cache_storage_class, zddc_server_build_cache_access_mode, "
        r"zddc_server_build_cache_size\n"
        r"The instance was not changed: what served before still serves\.\n"
        r"Next: fix the cause and deploy again",
        played.message,
    )
    left = site.objects()
    assert before.items() <= left.items()
    assert sorted(name.split()[0] for name in left.keys() - before.keys()) == ["Job", "PersistentVolumeClaim"]

    played = site.deploy(**other, build_cache_storage_class="others")
    assert (played.returncode, site.objects()) == (2, left)
    first, refusal, *_difference, last = played.message.splitlines()
    assert (first, last) == (
        "Nothing was changed. The cluster rejects what the variables give. Fix this and run again:",
        "  This claim cannot be changed this way. Revert the change, or deploy once with zddc_server_build_cache: none, which "
        "removes the claim, and then deploy with the change.",
    )
    assert refusal.startswith(
        '- zddc_server_build_cache_*: PersistentVolumeClaim "zddc-other-build-cache" is invalid: spec: Forbidden: '
    )

    # The same again, with what was missing: the build that is still there goes on.
    site.volume("zddc-other-build-cache", "0755")
    played = site.deploy(**other)
    assert (played.returncode, played.message) == (0, "")
    assert left.keys() <= site.objects().keys()


def test_an_image_of_its_own_for_git(site: Any) -> None:
    image, other = site.variables()["zddc_server_build_image"], "localhost/for-git:1"
    ctr = "chroot /proc/1/root /usr/local/bin/ctr -n k8s.io images"
    site.on_node(f"{ctr} tag --force {image} {other}")
    try:
        before, commit = set(site.jobs()), site.push("commit", "5.0.0")
        played = site.deploy(fetch_image=other, **MAIN)
        assert (played.returncode, played.message, site.served()) == (0, "", commit)
        (name,) = set(site.jobs()) - before
        job = site.jobs()[name].spec.template.spec
        for pod in (job.init_containers + job.containers, site.deployment().spec.template.spec.init_containers):
            assert [(one.name, one.image) for one in pod] == [("fetch", other), ("build", image)]
        assert TAKEN in site.log(site.servers()[0], "fetch")
        assert site.log(site.servers()[0])[0].endswith(", built before:")
        assert site.deploy().returncode == 0
    finally:
        site.on_node(f"{ctr} rm {other}")


def test_dev_takes_nothing_that_prod_built(site: Any) -> None:
    dev = {
        "mode": "dev", "name": "zddc-server-dev", "service_type": "ClusterIP", "service_node_port": 0,
        "build_cache": "claim", "build_cache_claim": site.claim,
    }  # fmt: skip
    jobs = site.jobs()
    # The commit that prod has in the same claim.
    assert site.deploy(**dev).returncode == 0
    (name,) = site.jobs().keys() - jobs.keys()
    selector = f"batch.kubernetes.io/job-name={name}"
    (pod,) = site.core.list_namespaced_pod(site.namespace, label_selector=selector).items
    assert any(line.startswith("fetch: checked out ") for line in site.log(pod.metadata.name))
    (record,) = site.cached("ls ../dev/records").split()
    assert record in site.cached("ls records").split()
    assert site.deploy(playbook="remove", **dev).returncode == 0
    # A claim that was named stays.
    assert site.core.read_namespaced_persistent_volume_claim(site.claim, site.namespace)


def test_status_says_what_was_built(site: Any) -> None:
    before = site.objects()
    played = site.deploy(playbook="status")
    (table,) = [message for message in played.messages if message.startswith("INSTANCE")]
    header, row = table.splitlines()[:2]
    assert row[header.index("GO") :].split()[0].startswith("go1.")
    assert site.objects() == before


@pytest.fixture(name="archive")
def archive_fixture(site: Any) -> Iterator[str]:
    """Give the claim of an archive that belongs to user 1000 and group 2500."""
    volume = site.volume("archive", "2770")
    site.on_node(f"cd {volume}; mkdir -m 2770 Alpha; echo a > Alpha/a.txt; chmod 640 Alpha/a.txt; chown -R 1000:2500 .")
    with site.claimed("archive", volume, "ReadWriteOnce"):
        yield "archive"
        # Its pod lets go of the claim.
        site.deploy()
    site.remove_volume(volume)


def test_documents_of_another_group(site: Any, archive: str) -> None:
    def owners() -> dict[str, str]:
        listed = site.on_node(f"cd {site.namespace}-archive; find . ! -path './.zddc.d*' -exec stat -c '%n:%u:%g:%a' {{}} +")
        return dict(line.split(":", 1) for line in listed.splitlines())

    def put(name: str) -> None:
        with urlopen(Request(f"{site.url}Alpha/{name}", data=b"new", method="PUT"), timeout=10) as answer:
            assert answer.status in (201, 204)

    before = owners()
    assert before == {".": "1000:2500:2770", "./Alpha": "1000:2500:2770", "./Alpha/a.txt": "1000:2500:640"}
    # As a member of that group, the server writes, and nobody's ownership changes.
    with site.restricted():
        played = site.deploy(data_claim=archive, supplemental_groups=[2500])
    assert (played.returncode, played.message) == (0, "")
    put("member.txt")
    assert {name: owner for name, owner in owners().items() if name in before} == before
    assert owners()["./Alpha/member.txt"].startswith("65532:2500:")
    # Asked for, the kubelet gives it all to another group: of a local volume, when no other pod has it.
    assert site.deploy(playbook="stop", data_claim=archive).returncode == 0
    with site.restricted():
        played = site.deploy(data_claim=archive, fs_group=2600)
    assert (played.returncode, played.message) == (0, "")
    put("given.txt")
    given = owners()
    assert {owner.split(":")[1] for owner in given.values()} == {"2600"}
    assert given["./Alpha/a.txt"] == "1000:2600:660"
