# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The API server's answer, found in the message of a kubernetes.core module."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.rights import forbidden, missing_rule
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object


def status(message: str) -> Object:
    """Return the API server's Status, which the module appends to its own text, as JSON or as the repr of its bytes."""
    with suppress(ValueError, SyntaxError):
        message = ast.literal_eval(message[message.index("b'") :].strip()).decode()
    begin = message.find("{")
    while begin >= 0:
        with suppress(ValueError):
            found = json.JSONDecoder().raw_decode(message, begin)[0]
            if "message" in found:
                return dict(found)
        begin = message.find("{", begin + 1)
    return {}


def refusal(message: str, set_by: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the API server's message after the variables that set the rejected object; the text itself if it has no Status."""
    # Some modules quote the answer within a text: only a missing right is recognized there.
    if rule := missing_rule(plain := message.replace('\\"', '"')):
        return f"zddc_server_kubeconfig: {forbidden(plain)}. {rule}"
    found = status(message)
    if not found:
        return message.strip()
    # A kind or, for some errors, its resource.
    named = str((found.get("details") or {}).get("kind", ""))
    variables = next((value for kind, value in set_by.items() if kind and named in (kind, plural(kind))), set_by.get("", ""))
    return f"{variables}: {found['message']}" if named and variables else str(found["message"])


def plural(kind: str) -> str:
    """Return the resource name of a kind, by the rule of Kubernetes."""
    lower = kind.lower()
    if lower.endswith("y"):
        return lower[:-1] + "ies"
    return lower + ("es" if lower.endswith("s") else "s")
