# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The API server's answer within the message of a module of kubernetes.core."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.rights import forbidden, missing_rule
from ansible_collections.varasys.zddc.plugins.module_utils.manifest import Object


def status(message: str) -> Object:
    """The API server's Status, which the module shows as JSON, or as the bytes of it, after words of its own."""
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
    """The variables that give what was refused, and the API server's sentence; the message where it has none."""
    # Of the modules that show the answer as a text within a text, a missing right is all that is looked for.
    if rule := missing_rule(plain := message.replace('\\"', '"')):
        return f"zddc_server_kubeconfig: {forbidden(plain)}. {rule}"
    found = status(message)
    if not found:
        return message.strip()
    # A kind, or for some refusals its resource.
    named = str((found.get("details") or {}).get("kind", ""))
    variables = next((value for kind, value in set_by.items() if kind and named in (kind, plural(kind))), set_by.get("", ""))
    return f"{variables}: {found['message']}" if named and variables else str(found["message"])


def plural(kind: str) -> str:
    """The name of a kind's resource, by the rule of Kubernetes."""
    lower = kind.lower()
    if lower.endswith("y"):
        return lower[:-1] + "ies"
    return lower + ("es" if lower.endswith("s") else "s")
