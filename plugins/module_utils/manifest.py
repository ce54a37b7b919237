# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A Kubernetes object, and its YAML."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

# If it is missing, check_client reports it to the user.
with suppress(ImportError):
    import yaml

Object = dict[str, Any]
"""An object of the Kubernetes API, or a part of one."""


def as_yaml(item: Object, sort_keys: bool = True) -> str:
    """Return the object as kubectl shows it, with text of several lines as a block; empty if there is no object."""

    class Dumper(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - PyYAML gives it by name
            super().increase_indent(flow, False)

        def ignore_aliases(self, _data: Any) -> bool:
            return True

    def text(dumper: Dumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    return str(yaml.dump(item, Dumper=Dumper, sort_keys=sort_keys, width=1000, allow_unicode=True)) if item else ""
