# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The git server goes away: while a commit is built, and while pods start again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from stage import TAKEN


def test_away_during_a_build(site: Any, note: Callable[..., None]) -> None:
    before, commit = site.objects(), site.push("commit", "0.2.0")
    wanted = {"git_ref": "main", "allow_mutable_ref": True}
    jobs = site.jobs()
    with site.traffic() as traffic:
        run = site.run_playbook(**wanted)
        run.reach("Take the Lease")
        with run.paused():
            site.select_git("nowhere")
        try:
            code = run.end()
        finally:
            site.select_git("git-server")
    assert (code, traffic.lost) == (2, [])
    (name,) = site.jobs().keys() - jobs.keys()
    first, *_rest, said, step = run.failures[0].splitlines()
    assert re.fullmatch(
        rf"pod {name}-\w+: container build failed: fetch: commit {commit} could not be fetched from {site.repository}, "
        "tried 3 times: .*",
        first,
    )
    assert (said, step) == (
        "The instance was not changed: what served before still serves.",
        "Next: fix the cause and deploy again",
    )
    ours = {key: value for key, value in site.objects().items() if key not in (f"Job {name}", "Service git-server")}
    assert ours == {key: value for key, value in before.items() if key != "Service git-server"}
    played = site.deploy(**wanted)
    assert (played.returncode, played.message, site.served()) == (0, "", commit)
    note("the git server away during a build", "said so; nothing was touched; the next run built it", traffic)


def test_away_while_pods_start_again(site: Any, note: Callable[..., None]) -> None:
    before = set(site.servers())

    def ready() -> set[str]:
        return {pod.metadata.name for pod in site.alive() if [one.ready for one in pod.status.container_statuses or []] == [True]}

    with site.without_git(), site.traffic() as traffic:
        for pod in before:
            site.core.delete_namespaced_pod(pod, site.namespace)
            # What the Deployment says of its pods may be of the time before.
            site.until(ready, lambda names, pod=pod: len(names - {pod}) == 2, 120)
    pods = ready()
    assert pods.isdisjoint(before)
    assert all(TAKEN in site.log(pod) for pod in pods)
    assert traffic.lost == []
    note("the git server away while pods start again, with a cache", "they took the binary from the cache", traffic)
