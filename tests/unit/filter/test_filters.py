# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters and the test, on what they are given."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from ansible_collections.varasys.zddc.plugins.filter.coerced import coerced
from ansible_collections.varasys.zddc.plugins.filter.git_misfits import git_misfits
from ansible_collections.varasys.zddc.plugins.filter.manifest import manifest
from ansible_collections.varasys.zddc.plugins.filter.metadata_misfits import metadata_misfits
from ansible_collections.varasys.zddc.plugins.filter.misfits import misfits
from ansible_collections.varasys.zddc.plugins.filter.misspelt import misspelt
from ansible_collections.varasys.zddc.plugins.filter.patched import patched
from ansible_collections.varasys.zddc.plugins.filter.refusal import refusal
from ansible_collections.varasys.zddc.plugins.filter.table import table
from ansible_collections.varasys.zddc.plugins.filter.touched import touched
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


FORM = "at most 63 letters, digits, dashes, dots and underscores, a letter or a digit first and last"


@pytest.mark.parametrize(
    ("name", "key", "value", "message"),
    [
        ("pod_labels", "team", "docs", ""),
        ("pod_labels", "example.org/team", "", ""),
        ("pod_annotations", "note", "any text: 1 & 2", ""),
        ("pod_labels", "own", "x", "pod_labels sets own, by which the role knows its own: take it out."),
        ("pod_labels", "varasys.zddc/x", "x", "pod_labels sets varasys.zddc/x, by which the role knows its own: take it out."),
        ("pod_labels", "a b", "x", f"pod_labels has the key 'a b': give {FORM}; before them, if wanted, a domain and a slash."),
        (
            "pod_labels",
            "a" * 64,
            "x",
            f"pod_labels has the key '{'a' * 64}': give {FORM}; before them, if wanted, a domain and a slash.",
        ),
        ("pod_labels", 1, 1, "pod_labels gives 1 a value that is no text. Put it in quotes."),
        ("pod_annotations", "on", True, "pod_annotations gives on a value that is no text. Put it in quotes."),
        ("pod_labels", "team", "a b", f"pod_labels gives team the value 'a b': a label has {FORM}."),
        ("node_selector", "team", "docs\n", f"node_selector gives team the value 'docs\n': a label has {FORM}."),
    ],
)
def test_labels_and_annotations(name: str, key: Any, value: Any, message: str) -> None:
    assert metadata_misfits({"empty": {}, name: {key: value}}, ["own"]) == ([message] if message else [])


def test_a_misspelt_variable() -> None:
    known = ["zddc_server_git_ref", "zddc_server_git_repo"]
    assert misspelt("zddc_server_git_reff", known).endswith("Did you mean zddc_server_git_ref?")
    assert misspelt("zddc_server_colour", known).endswith("lists those that there are.")


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


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({}, {"a": {"b": 1, "c": 2}}),
        ({"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": {"b": None, "d": None}}, {"a": {"c": 2}}),
        ({"a": None}, {}),
        ({"a": [1]}, {"a": [1]}),
        ({"e": {"f": None, "g": {"h": 4}}}, {"a": {"b": 1, "c": 2}, "e": {"g": {"h": 4}}}),
        ({"e": [{"f": None, "g": 5}]}, {"a": {"b": 1, "c": 2}, "e": [{"g": 5}]}),
    ],
)
def test_a_patch_of_mappings(patch: dict[str, Any], expected: dict[str, Any]) -> None:
    manifests = [{"a": {"b": 1, "c": 2}}, {"kind": "Service"}]
    assert patched(manifests, [patch, {}]) == [expected, {"kind": "Service"}]
    assert manifests == [{"a": {"b": 1, "c": 2}}, {"kind": "Service"}]


NAMED = [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]
MOUNTS = [{"name": "data", "mountPath": "/x"}, {"name": "data", "mountPath": "/y"}]


@pytest.mark.parametrize(
    ("base", "patch", "expected"),
    [
        (NAMED, [{"name": "c"}, {"name": "b", "value": "3"}], [NAMED[0], {"name": "b", "value": "3"}, {"name": "c"}]),
        (NAMED, [{"name": "a", "value": None}], [{"name": "a"}, NAMED[1]]),
        (NAMED, [], NAMED),
        (NAMED, [{"value": "3"}], [{"value": "3"}]),
        (NAMED, ["c"], ["c"]),
        ([], NAMED, NAMED),
        (["a", "b"], ["c"], ["c"]),
        (MOUNTS, [{"name": "data", "mountPath": "/y", "readOnly": True}], [MOUNTS[0], {**MOUNTS[1], "readOnly": True}]),
    ],
)
def test_a_patch_of_lists(base: list[Any], patch: list[Any], expected: list[Any]) -> None:
    assert patched([{"items": base}], [{"items": patch}]) == [{"items": expected}]


FIXED = [["spec", "selector"], ["metadata", "labels", "zddc/*"], ["spec", "pods", "name=web", "env", "name=TLS"]]
SHOWN = ["spec.selector", "metadata.labels.zddc/*", "spec.pods[name=web].env[name=TLS]"]


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({}, []),
        ({"metadata": {"labels": {"team": "a"}}, "spec": {"type": "x"}}, []),
        ({"spec": {"selector": {}}}, [0]),
        ({"spec": None}, [0, 2]),
        ({"spec": "x"}, [0, 2]),
        ({"metadata": {"labels": None}}, [1]),
        ({"metadata": {"labels": {"zddc/mode": "dev"}}}, [1]),
        ({"spec": {"pods": [{"name": "other", "env": None}]}}, []),
        ({"spec": {"pods": [{"name": "web", "env": [{"name": "OTHER", "value": "1"}]}]}}, []),
        ({"spec": {"pods": [{"name": "web", "env": [{"name": "TLS", "value": "1"}]}]}}, [2]),
        ({"spec": {"pods": [{"name": "web", "env": [{"value": "1"}]}]}}, [2]),
        ({"spec": {"pods": [{"name": "web", "env": None}]}}, [2]),
        ({"spec": {"pods": ["x"]}}, [2]),
        ({"spec": {"pods": []}}, []),
        ({"spec": {"pods": {"name": "web"}}}, [2]),
    ],
)
def test_what_a_patch_must_not_change(patch: dict[str, Any], expected: list[int]) -> None:
    assert touched(patch, FIXED) == [SHOWN[number] for number in expected]


def test_a_manifest() -> None:
    one = {"name": "a"}
    definition = {"spec": {"script": "set -eu\nexit\n", "port": "80", "items": [one, one], "none": None, "umlaut": "ä"}}
    text = manifest(definition)
    assert text == (
        "spec:\n  script: |\n    set -eu\n    exit\n  port: '80'\n  items:\n    - name: a\n    - name: a\n"
        "  none: null\n  umlaut: ä\n"
    )
    assert yaml.safe_load(text) == definition


def test_what_does_not_fit() -> None:
    options = {
        "a": {"type": "dict", "options": {"b": {"type": "dict", "options": {"d": {}, "c": {}}}}},
        "e": {"type": "list", "options": {"f": {}}},
    }
    assert misfits(["value of a is x", "a.b.x, e.y, e.y. Supported parameters include: f."], options) == [
        "value of a is x",
        "a.b has no key x: it has c, d. Correct it, or take it out.",
        "e has no key y: it has f. Correct it, or take it out.",
    ]
    assert misfits(["a.example.org/gpu. Supported parameters include: b."], options) == [
        "a has no key example.org/gpu: it has b. Correct it, or take it out."
    ]


@pytest.mark.parametrize(
    ("option", "value", "messages"),
    [
        ({"type": "list"}, [1], []),
        ({"type": "list"}, None, []),
        ({"type": "str"}, "a,b", []),
        ({"type": "list"}, "a,b", ["The value of it is a string. With -e, write JSON: -e '{\"it\": ...}'."]),
        ({"type": "dict"}, "a=b", ["The value of it is a string. With -e, write JSON: -e '{\"it\": ...}'."]),
        ({"type": "list"}, 2000, ["it is 2000: give a list."]),
        ({"type": "list", "elements": "dict", "options": {"ports": {"type": "list"}}}, [{"ports": [1]}, {"ports": "443"}],
         ['it[1].ports is "443": give a list.']),
        ({"type": "list", "elements": "dict", "options": {"ports": {"type": "list"}}}, ["ports=1"],
         ['it[0] is "ports=1": give a dictionary.']),
        ({"type": "dict", "options": {"limits": {"type": "dict"}}}, {"limits": "cpu=1"},
         ['it.limits is "cpu=1": give a dictionary.']),
    ],
)  # fmt: skip
def test_what_ansible_would_take_for_another_type(option: dict[str, Any], value: Any, messages: list[str]) -> None:
    assert coerced({"it": value}, {"it": option}) == messages


def test_a_repository_and_a_ref() -> None:
    assert git_misfits("https://git.example.org/a", "main") == []
    assert git_misfits("https://git.example.org/a", 7) == []
    assert git_misfits("https://ada:lovelace@git.example.org/a", "") == [
        "zddc_server_git_repo carries a password in its URL, and would be stored in the cluster as it is. Take it out of "
        "the URL.",
        "zddc_server_git_ref is empty. Set it to a tag, a branch or a full commit.",
    ]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("<class 'ansible.module_utils._internal._datatag._AnsibleTaggedDict'> cannot be converted to a list",
         "a dict cannot be converted to a list"),
        ("convert to bool: The value 'perhaps' is not a valid boolean. Valid booleans include: 0, 'no'",
         "convert to bool: 'perhaps' is neither true nor false"),
    ],
)  # fmt: skip
def test_what_does_not_fit_in_plain_words(error: str, expected: str) -> None:
    assert misfits([error], {}) == [expected]
