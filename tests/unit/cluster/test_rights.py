# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the API server says of a right that is missing, and the rule that it comes to."""

from __future__ import annotations

import json

import pytest

from ansible_collections.varasys.zddc.plugins.filter.refusal import refusal
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.rights import missing_rule

ALL = 'All that the playbooks need: docs/operations.md, "Rights".'


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        (
            'deployments.apps "web" is forbidden: User "ada" cannot patch resource "deployments" in API group "apps" in the '
            'namespace "docs"',
            "ada needs this rule, in a Role in namespace 'docs': "
            '{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]}. ',
        ),
        (
            'pods is forbidden: User "system:serviceaccount:docs:ada" cannot get resource "pods/exec" in API group "" in the '
            'namespace "docs": RBAC: role.rbac.authorization.k8s.io "r" not found',
            "system:serviceaccount:docs:ada needs this rule, in a Role in namespace 'docs': "
            '{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get"]}. ',
        ),
        (
            'namespaces "docs" is forbidden: User "ada" cannot patch resource "namespaces" in API group "" at the cluster scope',
            'ada needs this rule, in a ClusterRole: {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["patch"]}. ',
        ),
    ],
)
def test_the_rule(said: str, rule: str) -> None:
    assert missing_rule(said) == f"{rule}{ALL}"


@pytest.mark.parametrize("said", ["", 'pods "web-x" is forbidden: exceeded quota: few, requested: pods=1'])
def test_another_refusal(said: str) -> None:
    assert missing_rule(said) == ""


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
