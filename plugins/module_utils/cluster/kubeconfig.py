# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The kubeconfig and the context that kubernetes.core's rules choose, and whether they can be used."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.errors import ConnectionProblem

# If it is missing, check_client reports it to the user.
with suppress(ImportError):
    import yaml

IN_CLUSTER_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"


def origin(auth: Mapping[str, Any], params: Mapping[str, Any], prefix: str, environ: Mapping[str, str]) -> tuple[Any, str]:
    """Return the kubeconfig that kubernetes.core's rules choose, and where its name comes from; None if they need none."""
    given = [name for name in auth if auth[name]]
    if "host" in given and (
        "api_key" in given or {"username", "password"} <= set(given) or {"cert_file", "key_file"} <= set(given)
    ):
        return None, "the option host"
    if auth.get("kubeconfig"):
        named = params.get("kubeconfig")
        return auth["kubeconfig"], f"{prefix}kubeconfig" if named else "the environment variable K8S_AUTH_KUBECONFIG"
    in_cluster = environ.get("KUBERNETES_SERVICE_HOST") and environ.get("KUBERNETES_SERVICE_PORT")
    if not auth.get("context") and in_cluster and os.path.isfile(IN_CLUSTER_TOKEN):
        return None, "the service account of this pod"
    if environ.get("KUBECONFIG"):
        return environ["KUBECONFIG"], "the environment variable KUBECONFIG"
    return "~/.kube/config", "the default"


def check_kubeconfig(value: str | dict[str, Any], source: str, context: str | None, prefix: str) -> None:
    """Raise a ConnectionProblem unless every file can be read and one of them has the context."""
    variable, whence = f"{prefix}kubeconfig", "" if source == f"{prefix}kubeconfig" else f" (from {source})"
    advice = f"Set {variable} to the kubeconfig of the cluster."
    if isinstance(value, dict):
        configs, shown = [value], f"given in {variable}"
    else:
        paths = [os.path.expanduser(path) for path in value.split(os.pathsep) if path]
        shown = os.pathsep.join(paths) + whence
        paths = [path for path in paths if os.path.exists(path)]
        if not paths:
            raise ConnectionProblem(f"{variable}: there is no kubeconfig {shown}. {advice}")
        configs = [_read_kubeconfig(path, whence, variable, advice) for path in paths]
    names, current = [], None
    for config in configs:
        contexts = config.get("contexts") or []
        if not isinstance(contexts, list) or not all(isinstance(item, dict) and "name" in item for item in contexts):
            raise ConnectionProblem(
                f"{variable}: the kubeconfig {shown} is broken: contexts is not a list of named items. {advice}"
            )
        names += [str(item["name"]) for item in contexts]
        current = config.get("current-context") or current
    has = f"it has {', '.join(sorted(names)[:5])}" if names else "it has none"
    if not context and not current:
        raise ConnectionProblem(
            f"{prefix}context is not set, and the kubeconfig {shown} has no current context ({has}). Set {prefix}context."
        )
    if (context or current) not in names:
        named = "" if context else ", its own current context"
        raise ConnectionProblem(
            f"{prefix}context: the kubeconfig {shown} has no context {context or current!r}{named} ({has}). "
            f"Set {prefix}context to one that it has."
        )


def _read_kubeconfig(path: str, whence: str, variable: str, advice: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            config = yaml.safe_load(file)
    except OSError as error:
        raise ConnectionProblem(f"{variable}: the kubeconfig {path}{whence} cannot be read: {error.strerror}. {advice}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise ConnectionProblem(f"{variable}: the kubeconfig {path}{whence} is broken: invalid YAML{where}. {advice}") from None
    if not isinstance(config, dict):
        raise ConnectionProblem(f"{variable}: the kubeconfig {path}{whence} is broken: it is empty or not a mapping. {advice}")
    return config
