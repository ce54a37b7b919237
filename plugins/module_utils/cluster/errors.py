# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What can go wrong between a run and the cluster, in plain words and with a reason that code can act on."""

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
    # check_client says so, in words for the user.
    pass


AWAY = "away"
"""It did not answer, or said that it cannot just now: the same may go well later."""
FORBIDDEN = "forbidden"
"""The user lacks a right."""
REFUSED = "refused"
"""It answered, and does not do this."""
EXPIRED = "expired"
"""It does not accept the credentials."""
LOST_LEASE = "lost_lease"
"""Another run works on the instance."""
SETUP = "setup"
"""What leads to it is wrong: the kubeconfig, the address, a certificate, the client library."""


class Problem(Exception):
    """What stands in the way, in words for the user; why in a word, where it is the cluster; and what else the result has."""

    def __init__(self, what: str, reason: str = "", **more: Any) -> None:
        super().__init__(what)
        self.reason = reason
        self.result: dict[str, Any] = {"failed": True, "msg": what, **({"reason": reason} if reason else {}), **more}


class ConnectionProblem(Problem):
    """There is no way to the cluster; says why, and what to do."""

    def __init__(self, what: str, reason: str = SETUP) -> None:
        super().__init__(what, reason)


class ApiError(Exception):
    """A request that failed: what the cluster did, what to do, and why in a word that code can act on."""

    def __init__(
        self, what: str, advice: str = "", status: int = 0, passing: bool = False, said: str = "", setup: bool = False
    ) -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice
        self.status = status
        self.passing = passing
        self.said = said
        """The cluster's own sentence, where it answers with an error."""
        known = {401: EXPIRED, 403: FORBIDDEN}
        self.reason = AWAY if passing else SETUP if setup else known.get(status, REFUSED)


def outage(seconds: int) -> str:
    """What to tell where it did not answer again in time."""
    return (
        f"The cluster does not answer any more, and was waited for, for {seconds} s (zddc_server_outage_timeout). What was "
        "applied stays, and what serves is left to the cluster. Run this again when it answers: it goes on from there."
    )


def answered(status: int, text: str) -> ApiError:
    """The error that the API server answers with."""
    known = {
        401: ("does not accept the credentials (401)", "Renew them, or choose another context."),
        403: (f"refuses (403): {text}", missing_rule(text) or "Give this user the right, or choose another."),
        404: (f"has no such thing (404): {text}", ""),
    }
    what, advice = known.get(status, (f"answers with an error ({status}): {text}", ""))
    # It answers so to a field that there is not, however often it is asked, and says it in words alone.
    unfit = "field not declared in schema" in text
    return ApiError(what, advice, status, passing=not unfit and (status == 429 or status >= 500), said=text)


def explain(error: Exception, timeout: float) -> ApiError:
    """Continues the sentence 'the cluster at ADDRESS ...'."""
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
    """What OpenSSL said, without Python's wrapping."""
    inner = text.rpartition("] ")[2] if "] " in text else text.splitlines()[-1]
    return inner.partition(" (_ssl")[0]
