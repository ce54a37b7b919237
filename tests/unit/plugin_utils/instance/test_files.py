# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Manifests as files: what is written, what goes, and what is nobody's to touch."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.files import MARK, Taken, update


def there(folder: Path) -> dict[str, str]:
    """Give the files of a folder."""
    return {path.name: path.read_text() for path in folder.iterdir()} if folder.exists() else {}


def test_what_is_written_and_what_goes(tmp_path: Path) -> None:
    folder = tmp_path / "a/b"
    assert len(update(folder, {"a.yaml": "a: 1\n", "b.yaml": "b: 1\n"}, check=True)) == 2
    assert there(folder) == {}
    update(folder, {"a.yaml": "a: 1\n", "b.yaml": "b: 1\n"}, check=False)
    assert update(folder, {"a.yaml": "a: 1\n", "b.yaml": "b: 1\n"}, check=False) == []
    (folder / "theirs.yaml").write_text("c: 1\n")
    changes = update(folder, {"a.yaml": "a: 2\n"}, check=False)
    assert [(one["before_header"], one["after"]) for one in changes] == [
        (f"{folder}/a.yaml", f"{MARK}\na: 2\n"),
        (f"{folder}/b.yaml", ""),
    ]
    assert there(folder) == {"a.yaml": f"{MARK}\na: 2\n", "theirs.yaml": "c: 1\n"}
    assert (folder / "a.yaml").stat().st_mode & 0o777 == 0o644


def test_a_file_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"a: 1\n{MARK}\n")
    with pytest.raises(Taken, match=f"^{tmp_path}/a.yaml$"):
        update(tmp_path, {"a.yaml": "a: 2\n", "b.yaml": "b: 1\n"}, check=False)
    assert list(there(tmp_path)) == ["a.yaml"]
