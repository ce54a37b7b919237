# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What changes.sh lists of a real overlay, and what the filter makes of it."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.varasys.zddc.plugins.filter.changes import changes

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
    assert [(one["change"], one["size"], one["path"]) for one in changes((out / "listed").read_text())] == [
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


def listed(*fields: bytes) -> str:
    """Give what the script gives."""
    return base64.b64encode(b"".join(field + b"\0" for field in fields)).decode()


def test_nothing_to_show() -> None:
    assert changes(listed(b"end", b"", b"")) == []


@pytest.mark.parametrize("cut", ["", listed(b"added", b"1", b"a"), listed(b"added", b"1"), listed(b"added", b"1", b"a")[:-3]])
def test_a_list_that_is_cut_short(cut: str) -> None:
    with pytest.raises(AnsibleFilterError, match="did not come whole"):
        changes(cut)


def test_names_that_look_alike_are_told_apart() -> None:
    names = [b"a\\n", b"a\n", b"a\xff", b"a\\xff"]
    fields = [field for name in names for field in (b"added", b"1", name)]
    assert len({one["path"] for one in changes(listed(*fields, b"end", b"", b""))}) == len(names)
