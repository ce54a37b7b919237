# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One namespace for these tests, and one instance in it that every test leaves serving: prod, two pods, with a cache.

What each fault cost is counted, asserted, and noted for the table in docs/faults.md.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from faults.archive import NEW, OLD, Archive, Traffic
from faults.run import Door

WRITE = os.environ.get("ZDDC_FAULTS") == "write"
NOTED = Path(__file__).resolve().parents[2] / "docs/faults.json"


@pytest.fixture(scope="package", name="deployed")
def deployed_fixture(prepare: Callable[..., Any], play: Callable[..., Any]) -> Iterator[Archive]:
    """Make the namespace and the volume, and deploy both releases, so that the cache has them."""
    site = Archive(
        prepare("faults", 30463), play, 30464,
        build_cache="own", build_cache_storage_class="tests", replicas=2, git_timeout=4,
        # What a fault costs, it costs at the defaults. Without a table to write, nobody asks.
        **({"build_env": {}, "probes": {}} if WRITE else {}),
    )  # fmt: skip
    volume = site.volume(Archive.claim, "0755")
    try:
        for ref in (NEW, OLD):
            played = site.deploy(git_ref=ref)
            assert (played.returncode, played.message) == (0, "")
        yield site
        site.deploy(playbook="remove")
    finally:
        site.remove_volume(volume)


@pytest.fixture(name="site")
def site_fixture(deployed: Archive) -> Iterator[Archive]:
    """Give the instance at the old release; its documents are the same after the test."""
    played = deployed.deploy()
    assert (played.returncode, played.message) == (0, "")
    before = deployed.documents()
    yield deployed
    assert deployed.documents() == before


@pytest.fixture(name="doors")
def doors_fixture(deployed: Archive, tmp_path: Path) -> Iterator[tuple[Door, str]]:
    """Give a way to the cluster's API that can be shut, and a kubeconfig that takes it.

    kubernetes.core keeps what it has learnt of an address: this one is new to it.
    """
    content = yaml.safe_load(Path(deployed.kubeconfig).read_text())
    cluster = content["clusters"][0]["cluster"]
    address = urlsplit(cluster["server"])
    door = Door(str(address.hostname), int(address.port or 443))
    cluster["server"] = f"https://127.0.0.1:{door.port}"
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(content))
    yield door, str(kubeconfig)
    door.close()


@pytest.fixture(scope="session", name="noted")
def noted_fixture() -> Iterator[list[dict[str, Any]]]:
    """Give the list of what the faults cost; `make faults` writes it down, beside those that it did not do this time."""
    rows: list[dict[str, Any]] = []
    yield rows
    if WRITE:
        before = json.loads(NOTED.read_text()) if NOTED.exists() else []
        done = {row["fault"] for row in rows}
        kept = [row for row in before if row["fault"] not in done]
        NOTED.write_text(json.dumps(sorted([*kept, *rows], key=lambda row: row["fault"]), indent=1) + "\n")


@pytest.fixture(name="note")
def note_fixture(noted: list[dict[str, Any]]) -> Callable[..., None]:
    """Give the function that notes a fault, what came of it, and of how many requests how many were lost."""

    def note(fault: str, outcome: str, traffic: Traffic | None = None, **more: Any) -> None:
        asked = {"asked": len(traffic.answered) + len(traffic.lost), "lost": len(traffic.lost)} if traffic else {}
        noted.append({"fault": fault, "outcome": outcome, **asked, **more, "date": time.strftime("%Y-%m-%d")})

    return note
