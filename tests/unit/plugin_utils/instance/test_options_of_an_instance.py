# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The variables as their types, and what has another."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.options import (
    defaults,
    misspelt,
    modes,
    no_collections,
    plain_errors,
    read,
)


@pytest.mark.parametrize("mode", modes())
def test_the_defaults_fit(mode: str) -> None:
    options, unfit = read({"zddc_server_mode": mode})
    assert unfit == []
    assert {f"zddc_server_{name}": value for name, value in options.items()} == {**defaults(mode), "zddc_server_mode": mode}


def test_strings_of_the_command_line_become_what_they_should_be() -> None:
    given = {"zddc_server_replicas": "2", "zddc_server_ingress_enabled": "no", "zddc_server_git_ref": 7}
    options, unfit = read(given)
    assert (options.replicas, options.ingress_enabled, options.git_ref, unfit) == (2, False, "7", [])


def test_nothing_is_added_to_what_is_given() -> None:
    given = {"resources": {"limits": {"cpu": 1}}, "ingress_hosts": [{"host": "a.example.org"}], "cors_origins": None}
    options, unfit = read({f"zddc_server_{name}": value for name, value in given.items()})
    assert unfit == []
    assert {name: options[name] for name in given} == given


def test_a_mode_that_there_is_not() -> None:
    _options, unfit = read({"zddc_server_mode": "main"})
    assert unfit == ["value of zddc_server_mode must be one of: prod, dev, got: main"]
    assert read({"zddc_server_mode": ["dev"]})[1]


def test_a_misspelt_variable() -> None:
    assert misspelt("zddc_server_git_reff").endswith("Did you mean zddc_server_git_ref?")
    assert misspelt("zddc_server_colour").endswith("lists the variables.")


def test_unknown_keys() -> None:
    specs = {
        "a": {"type": "dict", "options": {"b": {"type": "dict", "options": {"d": {}, "c": {}}}}},
        "e": {"type": "list", "options": {"f": {}}},
    }
    assert list(plain_errors(["value of a is x", "a.b.x, e.y, e.y. Supported parameters include: f."], specs)) == [
        "value of a is x",
        "a.b has no key x: it has c, d. Correct it, or remove it.",
        "e has no key y: it has f. Correct it, or remove it.",
    ]
    assert list(plain_errors(["a.example.org/gpu. Supported parameters include: b."], specs)) == [
        "a has no key example.org/gpu: it has b. Correct it, or remove it."
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
        (
            {"type": "list", "elements": "dict", "options": {"ports": {"type": "list"}}},
            [{"ports": [1]}, {"ports": "443"}],
            ['it[1].ports is "443": give a list.'],
        ),
        (
            {"type": "list", "elements": "dict", "options": {"ports": {"type": "list"}}},
            ["ports=1"],
            ['it[0] is "ports=1": give a dictionary.'],
        ),
        (
            {"type": "dict", "options": {"limits": {"type": "dict"}}},
            {"limits": "cpu=1"},
            ['it.limits is "cpu=1": give a dictionary.'],
        ),
    ],
)
def test_what_ansible_would_take_for_another_type(option: dict[str, Any], value: Any, messages: list[str]) -> None:
    assert list(no_collections({"it": value}, {"it": option})) == messages


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("<class 'dict'> cannot be converted to a list", "a dict cannot be converted to a list"),
        (
            "convert to bool: The value 'perhaps' is not a valid boolean. Valid booleans include: 0, 'no'",
            "convert to bool: 'perhaps' is neither true nor false",
        ),
    ],
)
def test_what_does_not_fit_in_plain_words(error: str, expected: str) -> None:
    assert list(plain_errors([error], {})) == [expected]
