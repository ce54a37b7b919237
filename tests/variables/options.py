# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes docs/options.md from the argument specs, the defaults and the sets of the modes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles/zddc_server"
PAGE = ROOT / "docs/options.md"
BEGIN = """# Options

Every variable of the role, with its type, its default and its keys, if it has any. `make options` generates this page from
the role's argument specs; `ansible-doc -t role varasys.zddc.zddc_server` shows the same. A variable that is set anywhere, in a
group, for a host, in a play or with `-e`, overrides the default of the mode.

A value "in Kubernetes syntax" goes into the manifest unchanged. The role rejects wrong input before it changes anything. It
reports misspelt names and wrong types in one message, and once these are correct, wrong values in another.
"""


def prose(text: str) -> str:
    """Give a description as Markdown."""
    text = re.sub(r"P\(varasys\.zddc\.zddc_server#role\)", "The role", text)
    text = re.sub(r"P\(([\w.]+)#(\w+)\)", r"the \2 `\1`", text)
    text = re.sub(r"[OVCEM]\(([^)]*)\)", r"`\1`", text)
    return text.replace("|", "\\|")


def sentences(option: dict[str, Any]) -> str:
    """Give the description of an option."""
    found = option["description"]
    return prose(" ".join([found] if isinstance(found, str) else found))


def kind(option: dict[str, Any]) -> str:
    """Give the type of an option, with its choices."""
    name = f"list of {option['elements']}" if option.get("type") == "list" else option["type"]
    choices = ", ".join(f"`{choice}`" for choice in option.get("choices", []))
    return f"{name}: {choices}" if choices else name


def value(what: Any) -> str:
    """Give a default as it is written in YAML."""
    return f"`{json.dumps(what, ensure_ascii=False) if not isinstance(what, str) or not what else what}`"


def rows(name: str, option: dict[str, Any], default: str) -> list[str]:
    """Give the lines of an option and of its keys."""
    lines = [f"| `{name}` | {kind(option)} | {default} | {sentences(option)} |"]
    for key, nested in (option.get("options") or {}).items():
        short = f"{name.removeprefix('zddc_server_')}.{key}" if name.startswith("zddc_server_") else f"{name}.{key}"
        lines += rows(short, nested, "required" if nested.get("required") else "")
    return lines


def page() -> str:
    """Give the page."""
    text = (ROLE / "defaults/main.yml").read_text()
    defaults = yaml.safe_load(text)
    sets = {mode: yaml.safe_load((ROLE / f"vars/{mode}.yml").read_text()) for mode in ("prod", "dev")}
    options = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    lines = [BEGIN]
    for heading, part in re.findall(r"^# --- ([^\n]+) ---\n(.*?)(?=^# --- |\Z)", text, re.MULTILINE | re.DOTALL):
        lines += [f"## {heading}", "", "| variable | type | default | |", "| --- | --- | --- | --- |"]
        for name in re.findall(r"^(zddc_server_\w+):", part, re.MULTILINE):
            default = value(defaults[name])
            if "__zddc_server_set" in default:
                default = "<br>".join(f"{mode}: {value(values[name])}" for mode, values in sets.items())
            lines += rows(name, options[name], default)
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
