# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private repositories and walled-in networks, on the cluster."""

from __future__ import annotations

import os
from typing import Any

import pytest


def build_log(private: Any, commit: str) -> list[str]:
    """Give the log of the Job that built a commit."""
    for job in private.batch.list_namespaced_job(private.namespace).items:
        if (job.metadata.annotations or {}).get("varasys.zddc/git-commit") == commit:
            selector = f"batch.kubernetes.io/job-name={job.metadata.name}"
            (pod,) = private.core.list_namespaced_pod(private.namespace, label_selector=selector).items
            return list(private.log(pod.metadata.name))
    raise AssertionError(f"no Job has built {commit}")


def test_a_key_in_the_pod_itself(private: Any) -> None:
    commit = private.push("commit", "1.0.0")
    with private.restricted():
        played = private.tried(build_cache="none", **private.by_ssh)
    assert (played.returncode, played.message, private.served()) == (0, "", commit)
    before = private.objects()
    played = private.tried(build_cache="none", **private.by_ssh)
    assert (played.returncode, played.changed, private.objects()) == (0, 0, before)


def test_a_key_and_host_keys_from_elsewhere(private: Any) -> None:
    commit = private.push("commit", "1.1.0")
    data = {"known": (private.folder / "known-by-host-key").read_text()}
    private.core.create_namespaced_config_map(private.namespace, {"metadata": {"name": "hosts"}, "data": data})
    key = {"secret": "deploy-key", "known_hosts_config_map": "hosts", "known_hosts_key": "known"}
    with private.restricted():
        played = private.tried(**private.by_ssh | {"git_ssh": key})
    assert (played.returncode, played.message, private.served()) == (0, "", commit)
    assert f"fetch: checked out {commit}" in build_log(private, commit)


def test_a_token_over_tls_of_a_private_ca(private: Any) -> None:
    commit = private.push("commit", "1.2.0")
    with private.restricted():
        played = private.tried(**private.by_https)
    assert (played.returncode, played.message, private.served()) == (0, "", commit)
    assert f"fetch: checked out {commit}" in build_log(private, commit)


def test_a_proxy(private: Any) -> None:
    through = {"HTTPS_PROXY": {"secretKeyRef": {"name": "proxy", "key": "url"}}}
    before = private.proxied()
    private.push("commit", "1.3.0")
    played = private.tried(build_env=through | {"NO_PROXY": private.address}, **private.by_https)
    assert (played.returncode, played.message, private.proxied()) == (0, "", before)
    commit = private.push("commit", "1.3.1")
    played = private.tried(build_env=through, **private.by_https)
    assert (played.returncode, played.message, private.served()) == (0, "", commit)
    assert private.proxied() > before


def test_a_controller_without_access(private: Any) -> None:
    commit = private.push("commit", "1.4.0")
    played = private.deploy("-vvv", "--diff", git_ref=commit, **private.by_ssh)
    private.played.append(played.output)
    assert (played.returncode, played.message, private.served()) == (0, "", commit)
    assert (
        f"zddc_server_git_repo: {private.by_ssh['git_repo']} cannot be read: Host key verification failed. "
        f"Check the URL and the rights to read it. Continuing with commit {commit}, which was given."
    ) in played.messages


WRONG = [
    ({"git_ssh": {"secret": "strange-key", "key": "identity"}}, "git@{address}: Permission denied (publickey)."),
    ({"git_ssh": {"secret": "deploy-key", "known_hosts_config_map": "strange-hosts", "known_hosts_key": "hosts"}},
     "Host key verification failed."),
    ({"git_token": {"secret": "strange-token", "password_key": "token"}}, "Authentication failed for '{repo}/'"),
    ({"ca_bundle": {"config_map": "machine-ca", "key": "bundle.pem"}},
     "unable to access '{repo}/': server certificate verification failed. CAfile: /build/ca.crt CRLfile: none"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "complaint"), WRONG, ids=["key", "host key", "token", "certificates"])
def test_what_does_not_fit(private: Any, wrong: dict[str, Any], complaint: str) -> None:
    commit = private.push("commit", f"2.0.{WRONG.index((wrong, complaint))}")
    way = private.by_ssh if "git_ssh" in wrong else private.by_https
    before, serves = private.objects(), private.served()
    played = private.tried(**way | wrong)
    said = complaint.format(address=private.address, repo=way["git_repo"])
    first, _, rest = played.message.partition("\n")
    assert played.returncode == 2
    assert first.endswith(
        f": container build failed: fetch: commit {commit} could not be fetched from {way['git_repo']}, tried 3 times: {said}"
    )
    assert f"zddc_server_{next(iter(wrong))}" in rest.partition("decided by: ")[2].partition("\n")[0]
    assert rest.endswith("The instance was not changed: what served before still serves.\nNext: fix the cause and deploy again")
    assert unbuilt(private.objects()) == unbuilt(before)
    assert private.served() == serves


def unbuilt(objects: dict[str, str]) -> dict[str, str]:
    """Give the objects without the Jobs."""
    return {name: version for name, version in objects.items() if not name.startswith("Job ")}


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"git_ssh": {"secret": "no-key"}}, 'secret "no-key" not found'),
        ({"git_ssh": {"secret": "deploy-key", "key": "identity"}}, "references non-existent secret key: identity"),
        ({"ca_bundle": {"config_map": "no-ca"}}, 'configmap "no-ca" not found'),
    ],
    ids=["a Secret", "a key of a Secret", "a ConfigMap"],
)
def test_what_is_not_there(private: Any, wrong: dict[str, Any], why: str) -> None:
    private.push("commit", f"3.0.{len(why)}")
    before = private.objects()
    played = private.tried(**private.by_ssh | wrong)
    first = played.message.partition("\n")[0]
    assert (played.returncode, first.endswith(f" cannot start: {why}")) == (2, True), first
    assert played.seconds < 40
    assert f"zddc_server_{next(iter(wrong))}" in played.message.partition("decided by: ")[2].partition("\n")[0]
    assert unbuilt(private.objects()) == unbuilt(before)


def test_a_dependency(private: Any) -> None:
    commit = private.push("depend", "proxy")
    machine = {"ca_bundle": {"config_map": "machine-ca", "key": "bundle.pem"}}
    before = private.objects()
    played = private.tried(**private.by_ssh, **machine, build_env={"GOPROXY": "off"})
    assert played.returncode == 2
    first = played.message.partition("\n")[0]
    assert first.endswith(": container build failed: cmd/zddc-server/depends.go:3:8: module lookup disabled by GOPROXY=off")
    assert unbuilt(private.objects()) == unbuilt(before)

    # Where this machine gets its modules.
    proxy = os.environ.get("GOPROXY", "https://proxy.golang.org,direct")
    played = private.tried(**private.by_ssh, **machine, build_env={"GOPROXY": proxy, "GOSUMDB": "off"})
    assert (played.returncode, played.message, private.served()) == (0, "", commit)
    assert "go: downloading github.com/google/uuid v1.6.0" in build_log(private, commit)


def test_a_vendored_tree(private: Any) -> None:
    commit = private.push("depend", "vendor")
    played = private.tried(**private.by_ssh, build_env={"GOPROXY": "off", "GOFLAGS": "-mod=vendor"})
    assert (played.returncode, played.message, private.served()) == (0, "", commit)
    assert "build:   flags=-trimpath -mod=vendor" in build_log(private, commit)


def test_no_credential_is_to_be_seen(private: Any) -> None:
    """Last, since it looks at all that the others have left."""
    seen = private.everything()
    assert private.played
    found = [(what, where) for what, secret in private.credentials().items() for where, text in seen.items() if secret in text]
    assert not found
