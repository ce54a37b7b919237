# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The README's table of the charts' values: each is given to a real Helm, and comes out as the variables of its row."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm import CHARTS

from ansible_collections.varasys.zddc.plugins.module_utils.helm_release import variables

README = Path(__file__).resolve().parents[2] / "README.md"
HOST = {"ingress.enabled": True, "ingress.host": "docs.example.org"}
TRIED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "zddc.gitRepo": ({"zddc.gitRepo": "https://git.example.org/zddc"}, {"git_repo": "https://git.example.org/zddc"}),
    "zddc.gitRef": ({"zddc.gitRef": "zddc-server-v0.0.8"}, {"git_ref": "zddc-server-v0.0.8"}),
    "zddc.root": ({"zddc.root": "/documents"}, {"root": "/documents"}),
    "zddc.addr": ({"zddc.addr": ":9090"}, {"addr": ":9090"}),
    "zddc.emailHeader": ({"zddc.emailHeader": "X-Email"}, {"email_header": "X-Email"}),
    "zddc.corsOrigin": (
        {"zddc.corsOrigin": "https://a.example.org,https://b.example.org"},
        {"cors_origins": ["https://a.example.org", "https://b.example.org"]},
    ),
    "zddc.logLevel": ({"zddc.logLevel": "warn"}, {"log_level": "warn"}),
    "zddc.indexPath": ({"zddc.indexPath": ".index"}, {"index_path": ".index"}),
    "build.image": (
        {"build.image": "mirror.example.org/golang:1.25-alpine"},
        {"build_image": "mirror.example.org/golang:1.25-bookworm"},
    ),
    "build.pullPolicy": ({"build.pullPolicy": "Never"}, {"build_image_pull_policy": "Never"}),
    "build.prepare": ({"build.prepare": "apk add git"}, {}),
    "image": ({"image": "alpine:3.23"}, {"image": "alpine:3.23"}),
    "replicas": ({"replicas": 3}, {"replicas": 3}),
    "dataClaim": ({"dataClaim": "documents"}, {"data_claim": "documents"}),
    "service.type": ({"service.type": "LoadBalancer"}, {"service_type": "LoadBalancer"}),
    "service.nodePort": (
        {"service.type": "NodePort", "service.nodePort": 30476},
        {"service_type": "NodePort", "service_node_port": 30476},
    ),
    "probes.liveness": ({"probes.liveness": 45}, {"probes.liveness": {"periodSeconds": 45}}),
    "probes.readiness": ({"probes.readiness": 7}, {"probes.readiness": {"periodSeconds": 7}}),
    "ingress.enabled": (HOST, {"ingress_enabled": True, "ingress_hosts": [{"host": "docs.example.org"}]}),
    "ingress.host": (HOST, {"ingress_enabled": True, "ingress_hosts": [{"host": "docs.example.org"}]}),
    "ingress.className": (
        {**HOST, "ingress.className": "traefik"},
        {"ingress_enabled": True, "ingress_hosts": [{"host": "docs.example.org"}], "ingress_class_name": "traefik"},
    ),
}  # fmt: skip


def leaves(values: dict[str, Any], above: str = "") -> Iterator[str]:
    """Give the names of all values."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def of_the_chart(mode: str) -> dict[str, Any]:
    """Give the values of a chart."""
    return dict(yaml.safe_load((CHARTS / f"zddc-server-{mode}/values.yaml").read_text()))


def read(releases: Any, mode: str, given: dict[str, Any]) -> dict[str, Any]:
    """Give what the role's variables are for a release with these values, as the API server would complete its objects."""
    options = [part for name, value in given.items() for part in ("--set-json", f"{name}={json.dumps(value)}")]
    rendered = releases.helm("template", "web", str(CHARTS / f"zddc-server-{mode}"), *options)
    by_kind = {item["kind"]: item for item in yaml.safe_load_all(rendered)}
    dry, clean = {"dry_run": "All"}, releases.core.api_client.sanitize_for_serialization
    live = {
        "Deployment": releases.apps.create_namespaced_deployment(releases.namespace, by_kind["Deployment"], **dry),
        "Service": releases.core.create_namespaced_service(releases.namespace, by_kind["Service"], **dry),
    }
    if "Ingress" in by_kind:
        live["Ingress"] = releases.networking.create_namespaced_ingress(releases.namespace, by_kind["Ingress"], **dry)
    values = of_the_chart(mode)
    for name, value in given.items():
        *above, last = name.split(".")
        place = values
        for key in above:
            place = place[key]
        place[last] = value
    objects = {kind: clean(item) for kind, item in live.items()}
    found = variables(objects["Deployment"], objects["Service"], objects.get("Ingress"), values).variables
    flat = {name.removeprefix("zddc_server_"): value for name, value in found.items()}
    probes = flat.pop("probes", {})
    return flat | {f"probes.{kind}": timing for kind, timing in probes.items()}


def test_the_table_has_every_value() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| (`zddc_server_\w+`|nothing)", README.read_text(), re.MULTILINE)
    told = {value: variable.strip("`").removeprefix("zddc_server_") for value, variable in rows if value in TRIED}
    assert set(leaves(of_the_chart("prod"))) == set(leaves(of_the_chart("dev"))) == TRIED.keys() == told.keys()
    for value, (_given, expected) in TRIED.items():
        assert told[value] in ([name.partition(".")[0] for name in expected] or ["nothing"]), value


@pytest.mark.parametrize("value", TRIED)
def test_a_value(releases: Any, value: str) -> None:
    given, expected = TRIED[value]
    before, after = read(releases, "prod", {}), read(releases, "prod", given)
    # A node port of nobody's choice is another each time.
    assert {name: one for name, one in after.items() if before.get(name) != one} == expected
    assert before["mode"] == "prod" and read(releases, "dev", {})["mode"] == "dev"
