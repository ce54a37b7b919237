# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How clients outside the cluster reach the server, and what restricts them."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.varasys.zddc.plugins.module_utils.names import PREFIX
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.options import Options

ROUTE_KINDS = (
    "Ingress",
    "HTTPRoute",
    "GRPCRoute",
    "TCPRoute",
    "TLSRoute",
    "IngressRoute",
    "IngressRouteTCP",
    "Route",
    "VirtualService",
)


def doors(options: Options) -> Iterator[str]:
    """Yield what opens the Service to clients outside the cluster, each with its variable."""
    if options.ingress_enabled:
        yield f"{PREFIX}ingress_enabled is true"
    if options.http_route_enabled:
        yield f"{PREFIX}http_route_enabled is true"
    if options.service_type != "ClusterIP":
        yield f"{PREFIX}service_type is {options.service_type}"
    if patched := list(_patched(options)):
        yield f"{PREFIX}service_patch sets {' and '.join(patched)}"
    kinds = dict.fromkeys(item.get("kind", "") for item in options.extra_objects)
    yield from (f"{PREFIX}extra_objects has the kind {kind}" for kind in kinds if kind in ROUTE_KINDS)
    services = (item.get("spec", {}) for item in options.extra_objects if item.get("kind") == "Service")
    if any(
        spec.get("type", "ClusterIP") not in ("ClusterIP", "ExternalName") or "externalIPs" in spec
        for spec in services
        if isinstance(spec, dict)
    ):
        yield f"{PREFIX}extra_objects has a Service that is reachable from outside the cluster"


def _patched(options: Options) -> Iterator[str]:
    spec = options.service_patch.get("spec") or {}
    if (kind := spec.get("type") or "ClusterIP") != "ClusterIP":
        yield f"the type {kind}"
    if spec.get("externalIPs"):
        yield "externalIPs"


def unguarded(options: Options) -> str:
    """Return why any client can act as any user, empty if none can."""
    if options.allowed_clients or options.guarded_elsewhere or not (opened := ", ".join(doors(options))):
        return ""
    return (
        f"{opened}, and {PREFIX}allowed_clients is empty. The server trusts the header {options.email_header}: a client that "
        f"bypasses the proxy that sets this header can act as any user. Name in {PREFIX}allowed_clients what may reach the pods, "
        f"or set {PREFIX}guarded_elsewhere to true if something else restricts access to them."
    )
