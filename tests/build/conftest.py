# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One namespace for these tests, and one instance in it that every test leaves as it was: prod, at release 0.0.6, with a
cache that the role made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from stage import Stage


class Site(Stage):
    """The namespace, its builds, and the volume of the cache."""

    claim = f"{Stage.name}-build-cache"

    def cached(self, script: str) -> str:
        """Run a script in the cache."""
        return self.on_node(f"cd {self.namespace}-{self.claim}/prod; {script}")

    def jobs(self) -> dict[str, Any]:
        """Give the builds by name."""
        selector = "app.kubernetes.io/name=zddc-server-build"
        found = self.batch.list_namespaced_job(self.namespace, label_selector=selector)
        return {job.metadata.name: job for job in found.items}

    def servers(self) -> list[str]:
        """Give the names of the pods that serve, or are about to."""
        return [
            pod.metadata.name
            for pod in self.pods()
            if pod.metadata.labels["app.kubernetes.io/name"] == "zddc-server" and not pod.metadata.deletion_timestamp
        ]

    @contextmanager
    def without_git(self) -> Iterator[None]:
        """Let nobody reach the git server."""
        self.select_git("nowhere")
        try:
            yield
        finally:
            self.select_git("git-server")

    def select_git(self, name: str) -> None:
        """Let the Service of the git server lead elsewhere, and wait until it does."""
        patch = {"spec": {"selector": {"app.kubernetes.io/name": name}}}
        self.core.patch_namespaced_service("git-server", self.namespace, patch)
        self.until(lambda: self.git_answers() == (name == "git-server"))


@pytest.fixture(scope="package", name="deployed")
def deployed_fixture(prepare: Callable[..., Any], play: Callable[..., Any]) -> Iterator[Site]:
    """Make the namespace and the volume, and deploy the instance."""
    site = Site(
        prepare("build", 30427), play, 30447, build_cache="own", build_cache_storage_class="tests", git_timeout=4
    )
    volumes = []
    try:
        # The folder of a new volume belongs to root.
        volumes.append(site.volume(Site.claim, "0755"))
        volumes.append(site.volume("locked", "0755"))
        with site.restricted():
            played = site.deploy()
        assert (played.returncode, played.message) == (0, "")
        yield site
        site.deploy(playbook="remove")
    finally:
        for name in volumes:
            site.remove_volume(name)


@pytest.fixture(name="site")
def site_fixture(deployed: Site) -> Site:
    """Give the namespace with the instance in it."""
    return deployed
