# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the API server says of a right that is missing, and the rule that it comes to."""

from __future__ import annotations

import pytest

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
