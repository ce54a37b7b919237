# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which kubeconfig kubernetes.core's rules lead to."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.varasys.zddc.plugins.module_utils.cluster import kubeconfig


def test_the_origin_of_the_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tmp_path / "token"
    token.touch()
    monkeypatch.setattr(kubeconfig, "IN_CLUSTER_TOKEN", str(token))
    pod = {"KUBERNETES_SERVICE_HOST": "h", "KUBERNETES_SERVICE_PORT": "1"}
    assert kubeconfig.origin({}, {}, "", pod) == (None, "the service account of this pod")
    assert kubeconfig.origin({"context": "c"}, {}, "", pod) == ("~/.kube/config", "the default")
    assert kubeconfig.origin({"kubeconfig": "k"}, {"kubeconfig": "k"}, "p_", pod) == ("k", "p_kubeconfig")
    assert kubeconfig.origin({"host": "h", "cert_file": "c"}, {}, "", {}) == ("~/.kube/config", "the default")
    assert kubeconfig.origin({"host": "h", "cert_file": "c", "key_file": "k"}, {}, "", {}) == (None, "the option host")
