# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One namespace for these tests, and one instance in it that every test leaves as it was: prod, at release 0.0.6, with a
cache that the role made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from stage import Site


@pytest.fixture(scope="package", name="deployed")
def deployed_fixture(prepare: Callable[..., Any], play: Callable[..., Any]) -> Iterator[Site]:
    """Make the namespace and the volume, and deploy the instance."""
    site = Site(prepare("build", 30427), play, 30447, build_cache="own", build_cache_storage_class="tests", git_timeout=4)
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
