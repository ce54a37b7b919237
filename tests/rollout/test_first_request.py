# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""With minReadySeconds, as the role sets it, the first request after the wait reaches the new pod."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

pytestmark = pytest.mark.alone

MANIFEST = Path(__file__).parents[1] / "golden/expected/prod/deployment.yaml"
REPLACEMENTS = 5
QUICK = "mkdir /www; echo $RELEASE > /www/index.html; exec httpd -f -p 8080 -h /www"


@pytest.fixture(name="url")
def url_fixture(shop: Any, name: str) -> Iterator[str]:
    """Give where a Deployment serves, at the node."""
    spec = {"type": "NodePort", "selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]}
    service = shop.core.create_namespaced_service(shop.namespace, {"metadata": {"name": name}, "spec": spec})
    yield f"http://{shop.address}:{service.spec.ports[0].node_port}/"
    shop.core.delete_namespaced_service(name, shop.namespace)


@pytest.fixture(name="seconds")
def seconds_fixture() -> int:
    """Give what the role sets."""
    return int(yaml.safe_load(MANIFEST.read_text())["spec"]["minReadySeconds"])


def test_it_reaches_the_new_pod(shop: Any, name: str, url: str, wait: Callable[..., Any], seconds: int) -> None:
    for number in range(1, REPLACEMENTS + 1):
        environment = [{"name": "RELEASE", "value": str(number)}]
        spec = {"strategy": {"type": "Recreate"}, "minReadySeconds": seconds}
        quick = {"terminationGracePeriodSeconds": 0}
        shop.deploy(name, command=QUICK, container={"env": environment}, spec=spec, pod=quick)
        assert wait().result.get("msg") is None
        with urlopen(url, timeout=5) as answer:
            assert answer.read().decode() == f"{number}\n"
