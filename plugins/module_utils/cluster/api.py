# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Requests to the Kubernetes API.

The connection follows kubernetes.core's rules. Every request has a time-out, and every failure a message for the user.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.client import (
    _create_auth_spec,
    _create_configuration,
    _create_headers,
    _set_header,
)

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ApiError, ConnectionProblem, Problem, explain
from ansible_collections.varasys.zddc.plugins.module_utils.cluster.kubeconfig import check_kubeconfig, origin

try:
    import kubernetes
    import urllib3
    from kubernetes.client.rest import ApiException
    from kubernetes.dynamic import DynamicClient
except ImportError:
    # check_client reports it to the user.
    kubernetes = None

HAS_CLIENT = kubernetes is not None
GOOD_CLIENT = "37.0.2"
# The options of the connection, and those that the documentation fragment api.outage describes.
OUTAGE_ARG_SPEC: dict[str, dict[str, Any]] = {**AUTH_ARG_SPEC, "outage_timeout": {"type": "int", "default": 60}}


@contextmanager
def own_files() -> Iterator[None]:
    """Remove the files that the client library writes meanwhile with the keys of a kubeconfig.

    It does so itself when Python exits, which Ansible's workers skip. Those of the process from which a worker was forked stay.
    """
    client = kubernetes.config.kube_config
    before, client._temp_files = client._temp_files, {}
    try:
        yield
    finally:
        client._cleanup_temp_files()
        client._temp_files = before


def check_client() -> None:
    """Raise a ConnectionProblem if the client library is missing, or is a version that fails with kubernetes.core."""
    remedy = f"Install kubernetes {GOOD_CLIENT} for the Python that runs the modules (ansible_python_interpreter)."
    try:
        found = version("kubernetes") if HAS_CLIENT else ""
    except PackageNotFoundError:
        found = ""
    if not found:
        raise ConnectionProblem(f"The Python library kubernetes is missing. {remedy}")
    numbers = [int(part) for part in re.findall(r"\d+", found)[:3]]
    if numbers[:1] == [35] or numbers in ([32, 0, 0], [36, 0, 0]) or numbers < [24, 2]:
        raise ConnectionProblem(f"The Python library kubernetes {found} does not work with kubernetes.core. {remedy}")


class Caller(Protocol):
    """An AnsibleModule, or an action that does the work of a module."""

    params: dict[str, Any]
    check_mode: bool
    _diff: bool
    no_log_values: set[str]


def whoami() -> str:
    """Return the user and the host of this run; the user's ID if there is no name, as in some containers."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def path_of(*parts: str, base: str = "/api/v1") -> str:
    """Return the path of a resource in the cluster's API."""
    return "/".join([base, *(quote(part, safe=":") for part in parts)])


def selector(labels: Mapping[str, Any]) -> str:
    """Return the labels as a label selector."""
    return ",".join(f"{key}={value}" for key, value in labels.items())


def connect(caller: Caller, prefix: str = "", timeout: float = 10) -> Api:
    """Return the API of the cluster that the caller's options, or the environment, name. No request is made yet.

    With the option outage_timeout, a request that fails for a temporary reason is retried for that many seconds.
    """
    check_client()
    # Ansible hides the whole option. A path is no secret, nor are the parts of a mapping other than users. Messages need them.
    caller.no_log_values.difference_update(_plain(caller.params.get("kubeconfig")))
    auth = _create_auth_spec(caller)
    if caller.params.get("kubeconfig") and auth.get("host") and not caller.params.get("host"):
        raise ConnectionProblem(
            f"{prefix}kubeconfig: the environment variable K8S_AUTH_HOST also names a cluster, {auth['host']}, "
            f"and kubernetes.core would use that one. Unset it, or leave {prefix}kubeconfig empty."
        )
    kubeconfig, source = origin(auth, caller.params, prefix, os.environ)
    if kubeconfig is not None:
        check_kubeconfig(kubeconfig, source, auth.get("context"), prefix)
    try:
        configuration = _create_configuration(auth)
        # urllib3 would retry three times, each time with the full time-out.
        configuration.retries = False
        client = kubernetes.client.ApiClient(configuration)
        for name, value in _create_headers(caller).items():
            _set_header(client, name, value)
    except Exception as error:
        shown = source if kubeconfig is None or isinstance(kubeconfig, dict) else f"the kubeconfig {kubeconfig}"
        raise ConnectionProblem(f"{prefix}kubeconfig: {shown} cannot be used: {error}. Correct it.") from error
    # A discoverer would query the cluster immediately, without a time-out.
    patience = caller.params.get("outage_timeout") or 0
    return Api(DynamicClient(client, discoverer=lambda *_unused: None), timeout, patience)


def _plain(kubeconfig: Any) -> Iterator[str]:
    if isinstance(kubeconfig, dict):
        kubeconfig = [value for key, value in kubeconfig.items() if key != "users"]
    if isinstance(kubeconfig, list):
        for item in kubeconfig:
            yield from _plain(item)
    else:
        yield str(kubeconfig)


class Answer(NamedTuple):
    """The answer of a server behind the cluster's API."""

    status: int
    content_type: str
    text: str


class Api:
    """Requests to one cluster."""

    def __init__(self, client: DynamicClient, timeout: float, patience: float = 0) -> None:
        self.client = client
        self.timeout = timeout
        self.patience = patience
        """Seconds for which a request that fails for a temporary reason is retried. The failed try may have been carried out."""
        self.address = client.configuration.host
        self.when_away: Callable[[ApiError], None] = lambda _error: None
        """Called before the first retry of a request."""
        self.now = datetime.now(timezone.utc)
        """The cluster's clock at its last answer."""

    def read(self, path: str, **query: Any) -> str:
        return self._request("get", path, query)

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        return self._object(self._request("get", path, query))

    def find(self, path: str, **query: Any) -> dict[str, Any] | None:
        """Return the object, or None if it does not exist."""
        try:
            return self.get(path, **query)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def send(self, verb: str, path: str, body: Any, content_type: str = "application/json", **query: Any) -> dict[str, Any]:
        """Create, update, patch or delete. With `dryRun="All"` in the query, nothing changes; the result shows what would."""
        return self._object(self._request(verb, path, query, body=body, content_type=content_type))

    def ask(self, path: str, accept: str) -> Answer:
        """Return the answer of a server to which the cluster's API forwards a request, even if it is an error."""
        try:
            found, text = self._try("get", path, {}, header_params={"Accept": accept})
        except ApiError as error:
            said: Any = error.__cause__
            if not error.status or _is_status(said.body):
                raise
            found, text = said, str(said.body)
        return Answer(found.status, (found.headers.get("Content-Type") or "").partition(";")[0], text)

    @contextmanager
    def about(self, what: str) -> Iterator[None]:
        """Raise a Problem that names what a failed request was for."""
        try:
            yield
        except ApiError as error:
            what = f"{what}: the cluster" if what else "The cluster"
            raise Problem(f"{what} at {self.address} {error.what}. {error.advice}".rstrip(), error.reason) from error

    def _request(self, verb: str, path: str, query: dict[str, Any], **options: Any) -> str:
        begin, first = time.monotonic(), True
        while True:
            try:
                response, text = self._try(verb, path, query, **options)
                if date := response.headers.get("Date"):
                    self.now = parsedate_to_datetime(date)
                return text
            except ApiError as error:
                if not error.passing or time.monotonic() - begin >= self.patience:
                    raise
                if first:
                    self.when_away(error)
            first = False
            time.sleep(1)

    def _try(self, verb: str, path: str, query: dict[str, Any], **options: Any) -> tuple[Any, str]:
        options |= {"query_params": list(query.items()), "serialize": False, "_request_timeout": self.timeout}
        try:
            response = self.client.request(verb, path, **options)
            return response, str(response.data.decode(errors="replace"))
        except (ApiException, urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
            raise explain(error, self.timeout) from error

    @staticmethod
    def _object(text: str) -> dict[str, Any]:
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ApiError("answers, but is not a Kubernetes API server", "Correct the address of the cluster.", setup=True)
        return found


class Kinds:
    """The paths of the objects of each kind in the cluster's API."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._groups: dict[str, dict[str, Any]] = {}

    def path(self, api_version: str, kind: str, namespace: str, name: str = "") -> str | None:
        """Return the path of an object, or of all objects of the kind; None if the cluster does not have the kind."""
        base = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        if api_version not in self._groups:
            listed = self.api.find(base) or {}
            known = {item["kind"]: item for item in listed.get("resources", []) if "/" not in item["name"]}
            self._groups[api_version] = known
        resource = self._groups[api_version].get(kind)
        if resource is None:
            return None
        scope = ("namespaces", namespace) if resource["namespaced"] else ()
        return path_of(*scope, resource["name"], *filter(None, [name]), base=base)

    def namespaced(self, api_version: str, kind: str) -> bool:
        """Check whether a kind that path() has found is namespaced."""
        return bool(self._groups[api_version][kind]["namespaced"])


def _is_status(body: Any) -> bool:
    """Check whether the API server itself gave this answer."""
    try:
        return bool(json.loads(body)["kind"] == "Status")
    except (ValueError, KeyError, TypeError):
        return False
