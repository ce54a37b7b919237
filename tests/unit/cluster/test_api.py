# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How requests are put together."""

from __future__ import annotations

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import path_of, selector


def test_a_name_leads_nowhere_else() -> None:
    assert path_of("namespaces", "docs", "pods", "../secrets?watch") == "/api/v1/namespaces/docs/pods/..%2Fsecrets%3Fwatch"
    assert path_of("services", "http:web:http", base="/apis/x/v1") == "/apis/x/v1/services/http:web:http"


def test_a_selector() -> None:
    assert selector({"a": "b", "example.org/c": "d"}) == "a=b,example.org/c=d"
