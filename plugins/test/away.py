# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a cluster that could not be reached is why a task failed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: away
version_added: 0.1.0
short_description: Whether a cluster that could not be reached is why a task failed
description:
  - Takes the result of a task that asked the cluster, by a module of P(kubernetes.core.k8s#module)'s collection or of this one.
    True if it failed since the cluster's API was away, or said that it cannot answer just now, so that the same may go well
    later.
  - In C(until), also true of a module that broke off, since Ansible has no words of why there yet.
options:
  _input:
    description: The result.
    type: dict
    required: true
  attempts:
    description: The number of attempts, as C(until) counts them, after which it is not to be tried again, as it is not after
      the task's own time-out. 0 if that is not what is asked.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: Apply, and try again while the cluster is away
  kubernetes.core.k8s:
    definition: "{{ objects }}"
    apply: true
  register: applied
  until: applied is not varasys.zddc.away(10)
  retries: 10
  delay: 3
"""

RETURN = r"""
_value:
  description: Whether it failed for that.
  type: bool
"""

# What the client library says where there is no answer, the API server's status where it has one, and this collection's words.
AWAY = re.compile(
    r"NewConnectionError|MaxRetryError|ProtocolError|ConnectTimeoutError|ReadTimeoutError|RemoteDisconnected"
    r"|Connection (?:refused|aborted|reset by peer)"
    r'|"code":\s*(?:429|502|503|504)\b'
    r"|The cluster does not answer any more"
    r"|the cluster at \S+ (?:refuses the connection|cannot be (?:reached|found)|does not answer within"
    r"|answers with an error \((?:429|5\d\d)\))"
)


def away(result: Mapping[str, Any], attempts: int = 0) -> bool:
    """Tell whether the same may go well once the cluster answers again."""
    if attempts and (result.get("timedout") or result.get("attempts", 0) >= attempts):
        return False
    if "msg" not in result:
        # A module that broke off, as kubernetes.core's do where nothing listens. Why is known once the task has ended.
        return bool(result.get("failed"))
    return bool(result.get("timedout") or AWAY.search(str(result["msg"]).replace('\\"', '"')))


class TestModule:
    """Tests of the collection."""

    __test__ = False

    def tests(self) -> dict[str, Callable[..., bool]]:
        """Give the tests by name."""
        return {"away": away}
