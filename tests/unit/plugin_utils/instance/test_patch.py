# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What comes of a patch, and what it must not change."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.patch import merged, touched


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
    manifest = {"a": {"b": 1, "c": 2}}
    assert merged(manifest, patch) == expected
    assert manifest == {"a": {"b": 1, "c": 2}}


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
    assert merged({"items": base}, {"items": patch}) == {"items": expected}


FIXED = [("spec", "selector"), ("metadata", "labels", "zddc/*"), ("spec", "pods", "name=web", "env", "name=TLS")]
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
