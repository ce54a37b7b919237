# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a build or an instance needs is not there: memory, a disk's room, a claim."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from stage import FOLDERS

UNTOUCHED = [
    "The instance was not changed: what served before still serves.",
    "Next: fix the cause and deploy again",
]


def test_a_build_that_is_killed_for_memory(site: Any, note: Callable[..., None]) -> None:
    site.push("commit", "0.3.0")
    before, jobs = site.objects(), site.jobs()
    # What it compiles, it keeps: near its limit, a Go that collects garbage may go on for minutes.
    wanted = {"git_ref": "main", "allow_mutable_ref": True, "build_env": {"GOFLAGS": "-a", "GOGC": "off"}}
    with site.traffic() as traffic:
        played = site.deploy(**wanted, build_resources={"limits": {"memory": "48Mi"}})
    assert (played.returncode, traffic.lost) == (2, [])
    (name,) = site.jobs().keys() - jobs.keys()
    lines = played.message.splitlines()
    assert re.fullmatch(rf"pod {name}-\w+: container build ran out of memory, at its limit of 48Mi: .+", lines[0])
    assert lines[-3] == "decided by: zddc_server_build_resources.limits.memory"
    assert lines[-2:] == UNTOUCHED
    assert {key: value for key, value in site.objects().items() if key != f"Job {name}"} == before
    note("a build killed for memory", "said so, with the limit and the variable; nothing was touched", traffic)


@pytest.fixture(name="small")
def small_fixture(site: Any) -> Iterator[dict[str, Any]]:
    """Give the variables of another instance, whose cache is on a disk of 64 MiB; take it away at the end."""
    volume = site.volume("small", "0755")
    site.on_node(f"nsenter -t 1 -m -- mount -t tmpfs -o size=64m,mode=0777 tmpfs /var/local/zddc/{volume}")
    given = {
        "name": "zddc-small", "replicas": 1, "service_type": "ClusterIP", "service_node_port": 0,
        "build_cache": "claim", "build_cache_claim": "small",
        # At the defaults: all of the standard library goes into the cache.
        "build_env": {},
    }  # fmt: skip
    jobs = site.jobs()
    try:
        with site.claimed("small", volume, "ReadWriteOnce"):
            yield given
            assert site.deploy(playbook="remove", **given).returncode == 0
            site.until(lambda: (site.jobs().keys(), site.pods("zddc-small")), equals=(jobs.keys(), []), seconds=120)
    finally:
        site.on_node(f"nsenter -t 1 -m -- umount -l /var/local/zddc/{volume}")
        site.remove_volume(volume)


def test_a_disk_of_the_cache_that_is_full(site: Any, small: dict[str, Any], note: Callable[..., None]) -> None:
    folder, before, jobs = f"{FOLDERS}/{site.namespace}-small", site.objects(), site.jobs()
    site.on_node(f"head -c 63m /dev/zero > {folder}/others")
    played = site.deploy(**small)
    (name,) = site.jobs().keys() - jobs.keys()
    lines = played.message.splitlines()
    assert re.fullmatch(
        rf"pod {name}-\w+: container build failed: build: the disk of the cache is full, the cache itself uses \d MiB: raise "
        r"zddc_server_build_cache_size if that makes the disk larger, or lower zddc_server_build_cache_limit, which is "
        r"\d+ MiB",
        lines[0],
    )
    assert lines[-2:] == UNTOUCHED
    assert {key: value for key, value in site.objects().items() if key != f"Job {name}"} == before

    # What the cache itself has filled it makes room in.
    old = f"{folder}/prod/binaries/old"
    site.on_node(f"rm {folder}/others; head -c 40m /dev/zero > {old}; touch -d 2000-01-01 {old}")
    played = site.deploy(**small)
    assert (played.returncode, played.message) == (0, "")
    assert "old" not in site.on_node(f"ls {folder}/prod/binaries").split()
    note("the disk of the cache full", "said so, nothing touched; of what the cache holds itself it made room")


@pytest.mark.by_hand
def test_a_claim_that_comes_later(site: Any, note: Callable[..., None]) -> None:
    before = site.objects()
    with site.traffic() as traffic:
        played = site.deploy(data_claim="later")
        assert (played.returncode, played.message) == (
            2,
            f"zddc_server_data_claim: there is no claim 'later' in namespace '{site.namespace}'. Claims there: zddc-root, "
            f"{site.claim}. Create the claim (it is never created for you), or name one that exists.\nNothing was changed.",
        )
        assert site.objects() == before
        name = site.volume("later", "0777")
        with site.claimed("later", name, "ReadWriteMany"):
            played = site.deploy(data_claim="later")
            assert (played.returncode, played.message) == (0, "")
            assert site.deploy().returncode == 0
        site.remove_volume(name)
    assert traffic.lost == []
    note("a claim that is missing at first", "said so; once it was there, the next run took it", traffic)


@pytest.mark.by_hand
def test_a_scratch_volume_that_is_full(site: Any, note: Callable[..., None]) -> None:
    before, name, url = site.documents(), "zddc-server-dev", site.url.replace(str(site.node_port), str(site.node_port + 1))
    dev = {
        "mode": "dev", "name": name, "git_ref": "main", "build_cache": "none", "replicas": 1,
        "service_node_port": site.node_port + 1,
    }  # fmt: skip
    played = site.deploy(**dev)
    assert (played.returncode, played.message) == (0, "")
    small = [{"name": "overlay-scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}}]
    site.apps.patch_namespaced_deployment(name, site.namespace, {"spec": {"template": {"spec": {"volumes": small}}}})

    def ask(method: str, path: str, size: int = 0) -> int:
        try:
            with urlopen(Request(f"{url}{path}", b"x" * size if size else None, method=method), timeout=5) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code
        except OSError:
            return 0

    def pod() -> Any:
        alive = site.alive(name)
        return alive[0] if len(alive) == 1 else None

    def serves(restarts: int) -> bool:
        one = pod()
        scratch = [volume.empty_dir.medium for volume in one.spec.volumes if volume.name == "overlay-scratch"] if one else []
        statuses = (one.status.container_statuses or []) if one else []
        ready = [status.restart_count for status in statuses if status.ready] == [restarts]
        return scratch == ["Memory"] and ready and ask("GET", "") == 200

    site.until(lambda: serves(0), seconds=120)
    written = [ask("PUT", f"note-{number}.txt", 1_000_000) for number in range(12)]
    assert set(written[:5]) == {201} and set(written[9:]) == {507}
    # What is there is read on.
    assert ask("GET", "note-0.txt") == ask("GET", "") == 200
    # The server starts again with all of that, and writes once there is room.
    site.run(pod().metadata.name, "zddc-server", "setpriv", "--nnp", "su", "zddc", "-c", "kill 1")
    site.until(lambda: serves(1), seconds=120)
    assert ask("GET", "note-0.txt") == 200
    assert ask("DELETE", "note-0.txt") in (200, 204)
    assert ask("PUT", "note-more.txt", 100_000) == 201
    assert site.deploy(**dev, playbook="remove").returncode == 0
    assert site.documents() == before
    note("dev's scratch volume full", "writes were refused, what was there was read on; the documents were not touched")
