# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters, on what they are given."""

from __future__ import annotations

import yaml

from ansible_collections.varasys.zddc.plugins.filter.manifest import manifest
from ansible_collections.varasys.zddc.plugins.filter.table import table


def test_a_table() -> None:
    rows = [{"name": "a", "ready": 1, "more": "x"}, {"name": "archive", "ready": None}]
    assert table(rows, {"INSTANCE": "name", "READY": "ready"}) == "INSTANCE  READY\na         1\narchive   -"
    assert table([], {"INSTANCE": "name"}) == "INSTANCE"


def test_a_manifest() -> None:
    one = {"name": "a"}
    definition = {"spec": {"script": "set -eu\nexit\n", "port": "80", "items": [one, one], "none": None, "umlaut": "ä"}}
    text = manifest(definition)
    assert text == (
        "spec:\n  script: |\n    set -eu\n    exit\n  port: '80'\n  items:\n    - name: a\n    - name: a\n"
        "  none: null\n  umlaut: ä\n"
    )
    assert yaml.safe_load(text) == definition
