# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A Lease against a store that refuses what a cluster refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.lease import Held, release, take
from ansible_collections.varasys.zddc.plugins.modules import lease

PLACE = ("docs", "web")


class Store:
    """One Lease, with a resourceVersion that each write must know."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.lease: dict[str, Any] | None = None
        self.version = 0
        self.meanwhile: Any = lambda: None

    def find(self, _path: str, **_query: Any) -> dict[str, Any] | None:
        return self.lease

    def send(self, verb: str, _path: str, body: Any, **_query: Any) -> dict[str, Any]:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        if (verb == "post") == bool(self.lease):
            raise ApiError("refuses", status=409 if self.lease else 404)
        known = body.get("preconditions", body.get("metadata", {})).get("resourceVersion")
        if self.lease and known != self.lease["metadata"]["resourceVersion"]:
            raise ApiError("refuses", status=409)
        self.version += 1
        metadata = {"uid": "u1", "resourceVersion": str(self.version)}
        self.lease = None if verb == "delete" else {**body, "metadata": {**body["metadata"], **metadata}}
        return {}


@pytest.fixture
def store() -> Store:
    return Store()


def test_one_holder_at_a_time(store: Store) -> None:
    assert take(store, *PLACE, "ada", 60, {"a": "b"}) is None
    assert store.lease and store.lease["metadata"]["labels"] == {"a": "b"}
    assert take(store, *PLACE, "bob", 60) == Held("ada", "2026-01-01T00:00:00.000000Z", 60)
    assert release(store, *PLACE, "bob") is False and store.lease
    assert release(store, *PLACE, "ada") is True and store.lease is None
    assert release(store, *PLACE, "ada") is False
    assert take(store, *PLACE, "bob", 60) is None


def test_it_ends_unless_it_is_renewed(store: Store) -> None:
    take(store, *PLACE, "ada", 60)
    store.now += timedelta(seconds=50)
    assert take(store, *PLACE, "ada", 60) is None
    assert store.lease and store.lease["spec"]["acquireTime"] == "2026-01-01T00:00:00.000000Z"
    store.now += timedelta(seconds=50)
    assert take(store, *PLACE, "bob", 60) == Held("ada", "2026-01-01T00:00:00.000000Z", 10)
    store.now += timedelta(seconds=10)
    assert take(store, *PLACE, "bob", 60) is None
    assert store.lease["spec"]["holderIdentity"] == "bob"
    assert store.lease["spec"]["acquireTime"] == "2026-01-01T00:01:50.000000Z"


@pytest.mark.parametrize("there", [False, True])
def test_who_comes_second_has_lost(store: Store, there: bool) -> None:
    if there:
        take(store, *PLACE, "eve", 60)
        store.now += timedelta(seconds=60)
    store.meanwhile = lambda: take(store, *PLACE, "bob", 60)
    held = take(store, *PLACE, "ada", 60)
    assert held and held.holder == "bob"
    assert store.lease and store.lease["spec"]["holderIdentity"] == "bob"


def test_a_renewal_whose_answer_was_lost(store: Store) -> None:
    take(store, *PLACE, "ada", 60)
    # It was carried out, so that the try after it comes with an old version.
    store.meanwhile = lambda: take(store, *PLACE, "ada", 60)
    assert take(store, *PLACE, "ada", 60) is None


def test_what_another_has_taken_is_not_removed(store: Store) -> None:
    def expire_and_take() -> None:
        store.now += timedelta(seconds=60)
        assert take(store, *PLACE, "bob", 60) is None

    take(store, *PLACE, "ada", 60)
    store.meanwhile = expire_and_take
    assert release(store, *PLACE, "ada") is False
    assert store.lease and store.lease["spec"]["holderIdentity"] == "bob"


def test_other_errors_are_told(store: Store) -> None:
    def refuse() -> None:
        raise ApiError("refuses", status=403)

    store.meanwhile = refuse
    with pytest.raises(ApiError):
        take(store, *PLACE, "ada", 60)


def test_a_cluster_that_is_away_when_it_is_given_back(
    run: Callable[..., dict[str, Any]], kubeconfig_for: Callable[..., str], closed: int
) -> None:
    address = f"http://127.0.0.1:{closed}"
    given = {"kubeconfig": kubeconfig_for(address), "name": "web", "namespace": "docs", "holder": "ada"}
    result = run(lease, **given, state="released")
    said = f"Lease 'web' in namespace 'docs': the cluster at {address} refuses the connection: nothing listens there."
    assert not result["changed"] and f"{said} The Lease expires within 30 s." in str(result["warnings"])
    assert run(lease, **given, outage_timeout=0)["msg"].startswith(said)
