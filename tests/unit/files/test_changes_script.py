# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What changes.sh lists of a real overlay, and what becomes of that."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.module_utils.dev_changes import listed

SCRIPT = Path(__file__).parents[3] / "roles/zddc_server/files/changes.sh"
# In a mount namespace of its own, so that nothing is left.
OVERLAY = r"""
mount -t tmpfs tmpfs "$PLACE" || exit 77
cd "$PLACE"
mkdir -p lower/folder/below lower/kept lower/mode lower/gone lower/to-file scratch/upper scratch/work root
for file in lower/changed lower/folder/old lower/folder/below/old lower/kept/deleted lower/gone/old lower/to-folder \
  lower/to-file/old lower/touched lower/rewritten lower/owned; do echo before > "$file"; done
ln -s changed lower/link
mount -t overlay overlay root -o lowerdir=lower,upperdir=scratch/upper,workdir=scratch/work,index=off,metacopy=off || exit 77
cd root
echo after > changed
rm -r folder && mkdir folder && echo new > folder/new
rm kept/deleted
chmod 700 mode
rm -r gone
ln -sfn elsewhere link
rm to-folder && mkdir to-folder && echo new > to-folder/new
rm -r to-file && echo file > to-file
touch touched
echo before > rewritten
chown 1:1 owned
mkdir empty
for name in "two
lines" "$(printf 'latin\351')" -dash ' space' .dot 'back\slash' "$(printf 'tab\there')"; do echo x > "$name"; done
ln -s nowhere dangling
export LOWER_DIR=$PLACE/lower SCRATCH_DIR=$PLACE/scratch ZDDC_ROOT=$PLACE/root
find "$PLACE/lower" "$PLACE/scratch/upper" -exec stat -c '%n %a %u %s %y %h' {} + > "$OUT/before"
sh "$SCRIPT" list > "$OUT/listed"
find "$PLACE/lower" "$PLACE/scratch/upper" -exec stat -c '%n %a %u %s %y %h' {} + > "$OUT/after"
mkdir .zddc.d && echo x > .zddc.d/log
sh "$SCRIPT" pack
tar -tf "$PLACE/scratch/changes.tar" > "$OUT/packed"
"""


def test_every_kind_of_change(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root may mount an overlay")
    place, out = tmp_path / "place", tmp_path / "out"
    place.mkdir()
    out.mkdir()
    environment = {**os.environ, "PLACE": str(place), "OUT": str(out), "SCRIPT": str(SCRIPT)}
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-euc", OVERLAY], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode == 77:
        pytest.skip(f"this kernel mounts no overlay here: {done.stderr.strip()}")
    assert (done.returncode, done.stderr) == (0, "")
    packed = (out / "packed").read_text().splitlines()
    # The server's own folder is left out.
    assert "./changed" in packed and not [name for name in packed if ".zddc.d" in name]
    assert [(one["change"], one["size"], one["path"]) for one in told((out / "listed").read_text())["changes"]] == [
        ("added", "2", " space"),
        ("added", "2", "-dash"),
        ("added", "2", ".dot"),
        ("added", "2", r"back\\slash"),
        ("changed", "6", "changed"),
        ("added", "7", "dangling"),
        ("added", "", "empty/"),
        ("deleted", "", "folder/below/"),
        ("added", "4", "folder/new"),
        ("deleted", "7", "folder/old"),
        ("deleted", "", "gone/"),
        ("deleted", "7", "kept/deleted"),
        ("added", "2", r"latin\xe9"),
        ("changed", "9", "link"),
        ("changed", "", "mode/"),
        ("changed", "7", "owned"),
        ("added", "2", r"tab\there"),
        ("added", "5", "to-file"),
        ("deleted", "", "to-file/"),
        ("deleted", "7", "to-folder"),
        ("added", "4", "to-folder/new"),
        ("added", "2", r"two\nlines"),
    ]
    assert (out / "before").read_bytes() == (out / "after").read_bytes()


def test_no_overlay_of_ones_own() -> None:
    environment = {"PATH": os.environ["PATH"], "SCRATCH_DIR": "/nowhere"}
    done = subprocess.run(["sh", str(SCRIPT), "list"], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "this container has no upper layer\n")


def told(text: str) -> dict[str, Any]:
    """Give what becomes of a list that is whole."""
    found = listed(text)
    assert found
    return found


def script_gives(*fields: bytes) -> str:
    """Give what the script gives."""
    return base64.b64encode(b"".join(field + b"\0" for field in fields)).decode()


def test_nothing_to_show() -> None:
    counts = {"added": 0, "changed": 0, "deleted": 0}
    assert told(script_gives(b"end", b"", b"")) == {"changes": [], "counts": counts, "own": 0}


def test_the_servers_own_folder_is_counted_apart() -> None:
    fields = [b"added", b"1", b"b", b"added", b"2", b".zddc.d/logs", b"changed", b"", b".zddc.d/", b"deleted", b"", b"a/.zddc.d/"]
    assert told(script_gives(*fields, b"end", b"", b"")) == {
        "changes": [
            {"change": "deleted", "size": "", "path": "a/.zddc.d/"},
            {"change": "added", "size": "1", "path": "b"},
        ],
        "counts": {"added": 1, "changed": 0, "deleted": 1},
        "own": 2,
    }


WHOLE = script_gives(b"added", b"1", b"a")


@pytest.mark.parametrize("cut", ["", WHOLE, script_gives(b"added", b"1"), WHOLE[:-3]])
def test_a_list_that_is_cut_short(cut: str) -> None:
    assert listed(cut) is None


def test_names_that_look_alike_are_told_apart() -> None:
    names = [b"a\\n", b"a\n", b"a\xff", b"a\\xff"]
    fields = [field for name in names for field in (b"added", b"1", name)]
    assert len({one["path"] for one in told(script_gives(*fields, b"end", b"", b""))["changes"]}) == len(names)
