# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters, on what they are given."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.varasys.zddc.plugins.filter.misspelt import misspelt
from ansible_collections.varasys.zddc.plugins.filter.refusals import refusals
from ansible_collections.varasys.zddc.plugins.filter.table import table

SERVICE = {"kind": "Service"}
SET_BY = {"Service": "zddc_server_service_*", "": "zddc_server_extra_objects"}
STATUS = json.dumps({"kind": "Status", "message": 'Service "a" is invalid: {nodePort}', "code": 422})


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (f"Failed to apply object: {STATUS}\n", 'Service "a" is invalid: {nodePort}'),
        ("Failed to apply object: timed out", "Failed to apply object: timed out"),
        ("Failed to apply object: {'a': 1}", "Failed to apply object: {'a': 1}"),
        ('Failed to apply object: {"code": 500}', 'Failed to apply object: {"code": 500}'),
        ("Failed to apply object: []", "Failed to apply object: []"),
    ],
)
def test_a_refusal(message: str, line: str) -> None:
    assert refusals([{"item": SERVICE, "msg": message}], SET_BY) == [f"zddc_server_service_*: {line}"]


def test_a_refusal_of_another_kind() -> None:
    assert refusals([{"item": {"kind": "Route"}, "msg": "no"}], SET_BY) == ["zddc_server_extra_objects: no"]


def test_what_was_taken_is_no_refusal() -> None:
    taken: dict[str, Any] = {"item": SERVICE, "changed": True, "result": {}}
    assert refusals([], SET_BY) == refusals([taken, taken], SET_BY) == []


def test_a_misspelt_variable() -> None:
    known = ["zddc_server_git_ref", "zddc_server_git_repo"]
    assert misspelt("zddc_server_git_reff", known).endswith("Did you mean zddc_server_git_ref?")
    assert misspelt("zddc_server_colour", known).endswith("lists those that there are.")


def test_a_table() -> None:
    rows = [{"name": "a", "ready": 1, "more": "x"}, {"name": "archive", "ready": None}]
    assert table(rows, {"INSTANCE": "name", "READY": "ready"}) == "INSTANCE  READY\na         1\narchive   -"
    assert table([], {"INSTANCE": "name"}) == "INSTANCE"
