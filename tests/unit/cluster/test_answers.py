# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The API server's answer in what modules of kubernetes.core say."""

from __future__ import annotations

import json

import pytest

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.answers import refusal
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.answers import status as answer_in

ALL = 'All that the playbooks need: docs/operations.md, "Rights".'
SET_BY = {"Service": "zddc_server_service_*", "NetworkPolicy": "zddc_server_build_egress", "": "zddc_server_extra_objects"}
FAILED = "Failed to apply object: "


def status(kind: str | None) -> str:
    """Give an answer of the API server, as kubernetes.core shows it."""
    details = {"details": {"name": "a", "kind": kind}} if kind else {}
    return FAILED + json.dumps({"kind": "Status", "message": "'a' is invalid: {nodePort}", "code": 422, **details}) + "\n"


@pytest.mark.parametrize(
    ("kind", "variables"),
    [
        ("Service", "zddc_server_service_*: "),
        ("services", "zddc_server_service_*: "),
        ("networkpolicies", "zddc_server_build_egress: "),
        ("Route", "zddc_server_extra_objects: "),
        ("", ""),
        (None, ""),
    ],
)
def test_a_refusal(kind: str | None, variables: str) -> None:
    assert refusal(status(kind), SET_BY) == f"{variables}'a' is invalid: {{nodePort}}"


def test_the_resource_of_a_kind_in_s() -> None:
    assert refusal(status("ingresses"), {"Ingress": "zddc_server_ingress_*"}).startswith("zddc_server_ingress_*: ")


@pytest.mark.parametrize("said", ["timed out", "{'a': 1}", '{"code": 500}', "[]", ""])
def test_a_refusal_that_is_not_the_api_servers(said: str) -> None:
    assert refusal(f"{FAILED}{said}\n", SET_BY) == f"{FAILED}{said}".strip()


@pytest.mark.parametrize("shown", ["{0}", "{0}\n", "{1!r}", "-+-+- {{'date': 'now'}} -+-+- {0}", "{{1}} {{}} {0} {{}}"])
def test_the_answer_however_it_is_shown(shown: str) -> None:
    answer = {"kind": "Status", "message": 'the Service "a" is {odd}', "code": 422, "details": {"causes": [{"message": "b"}]}}
    text = json.dumps(answer)
    assert answer_in(FAILED + shown.format(text, text.encode())) == answer


def test_what_an_apply_says() -> None:
    said = 'services is forbidden: User "ada" cannot create resource "services" in API group "" in the namespace "docs"'
    answer = {"message": said, "details": {"kind": "services"}}
    assert refusal(f"Failed to apply object: {json.dumps(answer)}", {"Service": "zddc_server_service_*"}) == (
        f"zddc_server_kubeconfig: {said.partition(': ')[2]}. ada needs this rule, in a Role in namespace 'docs': "
        '{"apiGroups": [""], "resources": ["services"], "verbs": ["create"]}. ' + ALL
    )


@pytest.mark.parametrize(
    "around",
    ["Handshake status 403 Forbidden -+-+- {{'date': 'now'}} -+-+- {0}", "b'Exception: HTTP response body: {0}\nTraceback'"],
)
def test_what_other_modules_say(around: str) -> None:
    sentence = 'User "ada" cannot get resource "pods/exec" in API group "" in the namespace "docs"'
    answer = json.dumps({"message": f'pods "web" is forbidden: {sentence}', "details": {"name": "web"}})
    assert refusal(around.format(answer), {}) == (
        f"zddc_server_kubeconfig: {sentence}. ada needs this rule, in a Role in namespace 'docs': "
        '{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get"]}. ' + ALL
    )
