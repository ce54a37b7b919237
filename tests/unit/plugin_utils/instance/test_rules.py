# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules that have more cases than the table of inputs shows."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.facts import checked
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.rules import FORM, entry


@pytest.mark.parametrize(
    ("name", "key", "value", "message"),
    [
        ("pod_labels", "team", "docs", ""),
        ("pod_labels", "example.org/team", "", ""),
        ("pod_annotations", "note", "any text: 1 & 2", ""),
        ("pod_labels", "own", "x", "pod_labels sets own, by which the role finds its own objects: remove it."),
        (
            "pod_labels",
            "varasys.zddc/x",
            "x",
            "pod_labels sets varasys.zddc/x, by which the role finds its own objects: remove it.",
        ),
        ("pod_labels", "a b", "x", f"pod_labels has the key 'a b': give {FORM}, optionally after a domain and a slash."),
        (
            "pod_labels",
            "a" * 64,
            "x",
            f"pod_labels has the key '{'a' * 64}': give {FORM}, optionally after a domain and a slash.",
        ),
        ("pod_labels", 1, 1, "pod_labels gives 1 a value that is not text. Put it in quotes."),
        ("pod_annotations", "on", True, "pod_annotations gives on a value that is not text. Put it in quotes."),
        ("pod_labels", "team", "a b", f"pod_labels gives team the value 'a b': a label has {FORM}."),
        ("node_selector", "team", "docs\n", f"node_selector gives team the value 'docs\n': a label has {FORM}."),
    ],
)
def test_labels_and_annotations(name: str, key: Any, value: Any, message: str) -> None:
    assert entry(name, str(key), value, {"own": "x"}) == message


def test_a_repository_and_a_ref() -> None:
    assert "failed" not in checked({"zddc_server_git_repo": "https://git.example.org/a", "zddc_server_git_ref": "main"})
    wrong = {"zddc_server_git_repo": "https://ada:lovelace@git.example.org/a", "zddc_server_git_ref": ""}
    assert checked(wrong)["msg"].split("\n- ")[1:] == [
        "zddc_server_git_repo contains a password, and would be stored in the cluster unchanged. Remove it from the URL.",
        "zddc_server_git_ref is empty. Set it to a tag, a branch or a full commit.",
    ]
