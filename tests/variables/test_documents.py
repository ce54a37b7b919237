# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The documents name variables, files and headings that there are."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from variables import options

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
LINK = re.compile(r"\]\(([^)\s]+)\)")
# Wrong on purpose, in the message that finds it out.
MISSPELT = {"zddc_server_git_reff"}
# Written by the role, into the vars.yml of its cluster.
WRITTEN = {"kind_cluster_node_address"}


def headings(document: Path) -> set[str]:
    """Give the anchors of a document's headings."""
    lines = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links(document: str) -> None:
    path = ROOT / document
    for link in LINK.findall(path.read_text()):
        if not link.startswith("https://"):
            name, _, anchor = link.partition("#")
            target = path.parent / name if name else path
            assert target.exists(), link
            assert not anchor or anchor in headings(target), link


def test_the_page_of_the_options_is_that_of_the_specs() -> None:
    assert options.PAGE.read_text() == options.page(), "`make options` writes it anew"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_variables(document: str) -> None:
    known = MISSPELT | WRITTEN
    for role in ("zddc_server", "kind_cluster"):
        known |= yaml.safe_load((ROOT / f"roles/{role}/defaults/main.yml").read_text()).keys()
    named = set(re.findall(r"\b(?:zddc_server|kind_cluster)_[a-z_]*[a-z]\b(?!\*|_)", (ROOT / document).read_text()))
    # zddc_server_ingress_* stands for all that begin so.
    assert {name for name in named if not any(one == name or one.startswith(f"{name}_") for one in known)} == set()
