# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters and the test, on what they are given."""

from __future__ import annotations

import json

import pytest
import yaml

from ansible_collections.varasys.zddc.plugins.filter.manifest import manifest
from ansible_collections.varasys.zddc.plugins.filter.refusal import refusal
from ansible_collections.varasys.zddc.plugins.filter.table import table
from ansible_collections.varasys.zddc.plugins.test.away import away

SET_BY = {"Service": "zddc_server_service_*", "NetworkPolicy": "zddc_server_build_egress", "": "zddc_server_extra_objects"}
FAILED = "Failed to apply object: "


def status(kind: str | None) -> str:
    """Give an answer of the API server, as kubernetes.core shows it."""
    details = {"details": {"name": "a", "kind": kind}} if kind else {}
    return FAILED + json.dumps({"kind": "Status", "message": "'a' is invalid: {nodePort}", "code": 422, **details}) + "\n"


@pytest.mark.parametrize(
    ("kind", "variables"),
    [
        ("Service", "zddc_server_service_*: "),
        ("services", "zddc_server_service_*: "),
        ("networkpolicies", "zddc_server_build_egress: "),
        ("Route", "zddc_server_extra_objects: "),
        ("", ""),
        (None, ""),
    ],
)
def test_a_refusal(kind: str | None, variables: str) -> None:
    assert refusal(status(kind), SET_BY) == f"{variables}'a' is invalid: {{nodePort}}"


def test_the_resource_of_a_kind_in_s() -> None:
    assert refusal(status("ingresses"), {"Ingress": "zddc_server_ingress_*"}).startswith("zddc_server_ingress_*: ")


@pytest.mark.parametrize("said", ["timed out", "{'a': 1}", '{"code": 500}', "[]", ""])
def test_a_refusal_that_is_not_the_api_servers(said: str) -> None:
    assert refusal(f"{FAILED}{said}\n", SET_BY) == f"{FAILED}{said}".strip()


def test_a_table() -> None:
    rows = [{"name": "a", "ready": 1, "more": "x"}, {"name": "archive", "ready": None}]
    assert table(rows, {"INSTANCE": "name", "READY": "ready"}) == "INSTANCE  READY\na         1\narchive   -"
    assert table([], {"INSTANCE": "name"}) == "INSTANCE"


REFUSED = (
    "Task failed: Module failed: Value of unknown type: <class 'urllib3.exceptions.NewConnectionError'>, HTTPSConnection(...)"
)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (REFUSED, True),
        ('Failed to apply object: {"kind":"Status","code":503}', True),
        ('Failed to apply object: b\'{\\"kind\\":\\"Status\\",\\"code\\": 429}\'', True),
        ("Lease 'a': the cluster at https://a:1 refuses the connection: nothing listens there. Start it.", True),
        ("Deployment a: the cluster at https://a:1 answers with an error (500): etcd", True),
        ('Failed to apply object: {"kind":"Status","code":409}', False),
        ("Deployment a: the cluster at https://a:1 refuses (403): no", False),
        ("Service 'a' is invalid: 503", False),
    ],
)
def test_a_cluster_that_is_away(said: str, expected: bool) -> None:
    assert away({"failed": True, "msg": said}) == expected
    # Where the task itself does not fail for it.
    assert away({"msg": said}) == expected
    assert [away({"failed": True, "msg": said, "attempts": number}, 2) for number in (1, 2)] == [expected, False]


def test_a_module_that_broke_off() -> None:
    # What until sees of it.
    seen = {"failed": True, "exception": "(traceback unavailable)"}
    assert away(seen) and away({**seen, "attempts": 1}, 2) and not away({**seen, "attempts": 2}, 2)
    assert not away({"failed": False, "changed": True})


def test_an_answer_that_was_not_waited_for() -> None:
    over = {"failed": True, "msg": "Timed out after 60 second(s).", "timedout": {"period": 60}}
    assert away(over) and not away(over, 9)
    assert not away({"changed": True, "result": {"msg": REFUSED}})


def test_a_manifest() -> None:
    one = {"name": "a"}
    definition = {"spec": {"script": "set -eu\nexit\n", "port": "80", "items": [one, one], "none": None, "umlaut": "ä"}}
    text = manifest(definition)
    assert text == (
        "spec:\n  script: |\n    set -eu\n    exit\n  port: '80'\n  items:\n    - name: a\n    - name: a\n"
        "  none: null\n  umlaut: ä\n"
    )
    assert yaml.safe_load(text) == definition
