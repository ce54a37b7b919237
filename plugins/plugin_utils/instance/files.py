# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Manifests as files in a folder. Files of an earlier rendering are removed, all other files stay."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object

MARK = "# Written by varasys.zddc.render, which overwrites or removes it the next time."
"""The first line, by which a rendering recognizes its files."""


class Taken(Exception):
    """Files that no rendering wrote have names that are needed; the message lists them."""


def update(folder: Path, texts: Mapping[str, str], check: bool) -> list[Object]:
    """Update a folder unless check is true, and return the differences. Raise Taken before anything is written."""
    there = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml"))}
    ours = {name for name, text in there.items() if text.startswith(MARK)}
    if taken := [str(folder / name) for name in there if name in texts and name not in ours]:
        raise Taken(", ".join(taken))
    wanted = {name: f"{MARK}\n{text}" for name, text in texts.items()}
    changes = [name for name in sorted(ours | wanted.keys()) if there.get(name) != wanted.get(name)]
    for name in [] if check else changes:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        if name in wanted:
            (folder / name).write_text(wanted[name], encoding="utf-8")
            (folder / name).chmod(0o644)
        else:
            (folder / name).unlink()
    return [
        {
            "before_header": str(folder / name),
            "after_header": str(folder / name),
            "before": there.get(name, ""),
            "after": wanted.get(name, ""),
        }
        for name in changes
    ]
