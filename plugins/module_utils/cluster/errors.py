# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Errors between a run and the cluster, with a message for the user and a reason that code can act on."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.rights import missing_rule

try:
    import urllib3
    from kubernetes.client.rest import ApiException
except ImportError:
    # check_client reports it to the user.
    pass


AWAY = "away"
"""The cluster does not answer, or cannot right now: the same request may succeed later."""
FORBIDDEN = "forbidden"
"""The user lacks a right."""
REFUSED = "refused"
"""The cluster rejects the request."""
EXPIRED = "expired"
"""The cluster does not accept the credentials."""
LOST_LEASE = "lost_lease"
"""Another run holds the Lease of the instance."""
SETUP = "setup"
"""The connection is set up wrongly: the kubeconfig, the address, a certificate or the client library."""


class Problem(Exception):
    """A failure: a message for the user, a reason if the cluster is the cause, and further keys of the result."""

    def __init__(self, what: str, reason: str = "", **more: Any) -> None:
        super().__init__(what)
        self.reason = reason
        self.result: dict[str, Any] = {"failed": True, "msg": what, **({"reason": reason} if reason else {}), **more}


class ConnectionProblem(Problem):
    """No connection to the cluster is possible; the message says why, and what to do."""

    def __init__(self, what: str, reason: str = SETUP) -> None:
        super().__init__(what, reason)


class ApiError(Exception):
    """A failed request: what the cluster did, what to do, and a reason that code can act on."""

    def __init__(
        self, what: str, advice: str = "", status: int = 0, passing: bool = False, said: str = "", setup: bool = False
    ) -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice
        self.status = status
        self.passing = passing
        self.said = said
        """The cluster's own message, if it answers with an error."""
        known = {401: EXPIRED, 403: FORBIDDEN}
        self.reason = AWAY if passing else SETUP if setup else known.get(status, REFUSED)


def outage(seconds: int) -> str:
    """Return the message for a cluster that did not answer again in time."""
    return (
        f"The cluster no longer answers. Waited {seconds} s for it (zddc_server_outage_timeout). What was applied stays, and the "
        "cluster decides what serves. Run this again when the cluster answers: it continues from there."
    )


def answered(status: int, text: str) -> ApiError:
    """Return the error for an answer of the API server."""
    known = {
        401: ("does not accept the credentials (401)", "Renew them, or choose another context."),
        403: (f"denies access (403): {text}", missing_rule(text) or "Give this user the right, or choose another."),
        404: (f"has no such resource (404): {text}", ""),
    }
    what, advice = known.get(status, (f"answers with an error ({status}): {text}", ""))
    # A field that is not in the schema fails at every retry; only the text shows it.
    unfit = "field not declared in schema" in text
    return ApiError(what, advice, status, passing=not unfit and (status == 429 or status >= 500), said=text)


def explain(error: Exception, timeout: float) -> ApiError:
    """Return the error; its text continues the sentence 'the cluster at ADDRESS ...'."""
    status, text = getattr(error, "status", None) or 0, str(getattr(error, "reason", None) or error)
    chain: list[BaseException] = [error]
    while cause := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(cause)
    if status:
        with suppress(ValueError, AttributeError):
            text = json.loads(getattr(error, "body", None) or "{}").get("message") or text
        return answered(status, text)
    if isinstance(error, ApiException) or any(isinstance(item, urllib3.exceptions.SSLError) for item in chain):
        what = f"cannot be trusted or does not speak TLS: {_tls(text)}"
        return ApiError(what, "Correct its address or its CA certificate.", setup=True)
    if any(isinstance(item, ConnectionRefusedError) for item in chain):
        return ApiError("refuses the connection: nothing listens there", "Start it, or choose another.", passing=True)
    if any(isinstance(item, socket.gaierror) for item in chain):
        return ApiError("cannot be found: its host name is not known", "Correct it, or check DNS.", passing=True)
    if any(isinstance(item, (urllib3.exceptions.TimeoutError, TimeoutError)) for item in chain):
        return ApiError(f"does not answer within {timeout:g} s", "Check the network to it, or choose another.", passing=True)
    if any(isinstance(item, (urllib3.exceptions.LocationValueError, UnicodeError)) for item in chain):
        return ApiError(f"has no valid address: {text}", "Correct it.", setup=True)
    return ApiError(f"cannot be reached: {text}", "Check its address and the network to it.", passing=True)


def _tls(text: str) -> str:
    """Return OpenSSL's message, without the text that Python adds."""
    inner = text.rpartition("] ")[2] if "] " in text else text.splitlines()[-1]
    return inner.partition(" (_ssl")[0]
