# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The end of the instance, on the cluster; no test comes after it."""

from __future__ import annotations

from typing import Any


def test_removal_takes_the_cache_and_the_builds(site: Any) -> None:
    assert site.jobs()
    # Whatever the variables say by then.
    played = site.deploy(playbook="remove", build_cache="none")
    assert (played.returncode, played.message) == (0, "")
    site.until(site.jobs, equals={})
    claims = site.core.list_namespaced_persistent_volume_claim(site.namespace).items
    assert [claim.metadata.name for claim in claims] == ["zddc-root"]
