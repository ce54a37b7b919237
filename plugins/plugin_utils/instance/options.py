# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The role's variables: their names, their defaults in each mode, and their values in the types that the specs name."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.varasys.zddc.plugins.module_utils.names import PREFIX

ROLE = Path(__file__).resolve().parents[3] / "roles/zddc_server"
OF_THE_MODE = re.compile(r"\{\{ __zddc_server_set\.(\w+) \}\}")
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Spec = dict[str, Any]


class Options(dict[str, Any]):
    """The values by name, without the prefix, also as attributes. meta/argument_specs.yml lists them with their types."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


@cache
def load(path: str) -> Any:
    """Read a YAML file of the role."""
    return yaml.load((ROLE / path).read_text(encoding="utf-8"), Loader=Loader)


@cache
def specs() -> dict[str, Spec]:
    """Return the spec of every variable by its name."""
    return dict(load("meta/argument_specs.yml")["argument_specs"]["main"]["options"])


def modes() -> list[str]:
    """Return the modes; each has its own set of defaults in vars/MODE.yml."""
    return list(specs()[f"{PREFIX}mode"]["choices"])


def mode_set(mode: Any) -> dict[str, Any]:
    """Return the set of a mode; for an unknown mode, which the specs reject, that of prod."""
    return dict(load(f"vars/{mode if mode in modes() else 'prod'}.yml"))


def defaults(mode: Any) -> dict[str, Any]:
    """Return the default of every variable in a mode."""
    found = {}
    for name, value in load("defaults/main.yml").items():
        of_the_mode = OF_THE_MODE.fullmatch(value) if isinstance(value, str) else None
        found[name] = mode_set(mode)[of_the_mode[1]] if of_the_mode else value
    return copy.deepcopy(found)


def read(variables: Mapping[str, Any]) -> tuple[Options, list[str]]:
    """Return the values of the variables, and the messages for wrong types."""
    given = {**defaults(variables.get(f"{PREFIX}mode", "prod")), **variables}
    known = {name: value for name, value in given.items() if name in specs()}
    coerced = list(no_collections(known, specs()))
    checked = ArgumentSpecValidator(specs()).validate(copy.deepcopy(known), validate_role_argument_spec=True)
    typed = {name: like(value, checked.validated_parameters.get(name)) for name, value in known.items()}
    options = Options({name.removeprefix(PREFIX): value for name, value in typed.items()})
    return options, coerced + list(plain_errors(checked.error_messages, specs()))


def unknown(variables: Mapping[str, Any]) -> list[str]:
    """Return the messages for the variables that the role does not have."""
    return [misspelt(name) for name in variables if name not in specs()]


def like(raw: Any, typed: Any) -> Any:
    """Return a typed value without the keys that the validation has added."""
    if isinstance(raw, dict) and isinstance(typed, dict):
        return {key: like(value, typed[key]) for key, value in raw.items() if key in typed}
    if isinstance(raw, list) and isinstance(typed, list) and len(raw) == len(typed):
        return [like(*pair) for pair in zip(raw, typed, strict=True)]
    return typed


def misspelt(name: str) -> str:
    """Return the message for an unknown variable, with the closest known one."""
    close = get_close_matches(name, list(specs()), n=1, cutoff=0.8)
    step = f"Did you mean {close[0]}?" if close else "Remove it: ansible-doc -t role lists the variables."
    return f"{name} is not a variable of this role. {step}"


WANTED: dict[str, tuple[tuple[type, ...], str]] = {"list": ((str, int, float), "list"), "dict": ((str,), "dictionary")}
"""Types that the validation would convert to a list or a dictionary."""


def no_collections(variables: Mapping[str, Any], options: Mapping[str, Spec]) -> Iterator[str]:
    """Yield a message for each value that should be a list or a dictionary and is not."""
    for name, value in variables.items():
        if isinstance(value, str) and options[name]["type"] in WANTED:
            # -e NAME=VALUE makes every value a string.
            yield f"The value of {name} is a string. With -e, write JSON: -e '{{\"{name}\": ...}}'."
        else:
            yield from no_collection(name, value, options[name])


def no_collection(name: str, value: Any, option: Spec) -> Iterator[str]:
    """Yield such messages for a value and for everything in it."""
    taken, word = WANTED.get(option.get("type", "str"), ((), ""))
    if isinstance(value, taken) and (word == "list" or "=" in str(value) or str(value).lstrip().startswith("{")):
        yield f"{name} is {json.dumps(value, ensure_ascii=False)}: give a {word}."
    elif isinstance(value, dict):
        for key, below in (option.get("options") or {}).items():
            if key in value:
                yield from no_collection(f"{name}.{key}", value[key], below)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from no_collection(f"{name}[{place}]", item, {**option, "type": option.get("elements", "str")})


UNKNOWN_KEYS = re.compile(r"(\S+(?:, \S+)*)\. Supported parameters include: .*")


def plain_errors(errors: list[str], options: Mapping[str, Spec]) -> Iterator[str]:
    """Yield the validation's errors: a message for each unknown key, and no Python names for types."""
    for error in errors:
        if unknown := UNKNOWN_KEYS.fullmatch(error):
            for name in dict.fromkeys(unknown[1].split(", ")):
                parent, key, known = apart(name, options)
                yield f"{parent} has no key {key}: it has {', '.join(known)}. Correct it, or remove it."
        else:
            plain = re.sub(r"<class '(\w+)'>", r"a \1", error)
            yield re.sub(r"The value ('.*') is not a valid boolean\. .*", r"\1 is neither true nor false", plain)


def apart(name: str, options: Mapping[str, Spec]) -> tuple[str, str, list[str]]:
    """Return the option that a name begins with, the key that it ends with, which may have dots, and the option's keys."""
    path: list[str] = []
    parts = name.split(".")
    while parts[0] in options and "options" in options[parts[0]] and len(parts) > 1:
        path.append(parts.pop(0))
        options = options[path[-1]]["options"]
    return ".".join(path), ".".join(parts), sorted(options)
