# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The documentation that several modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """For every module that uses the cluster's API; INSTANCE for one that handles an instance, WAITING for one that waits,
    OUTAGE for one that can wait until the cluster answers again."""

    DOCUMENTATION = r"""
requirements:
  - the Python library kubernetes, 24.2.0 or newer, 37.0.2 for example
  - none of its versions 32.0.0, 35.x and 36.0.0, with which kubernetes.core fails
notes:
  - If the cluster is the cause of a failure, the result has a C(reason). C(away) means that the cluster does not answer or is
    temporarily unavailable. C(forbidden) means that the user lacks a right, C(refused) that the cluster rejects the request, and
    C(expired) that it rejects the credentials. C(lost_lease) means that another run works on the instance, and C(setup) that
    the connection is set up wrong, in the kubeconfig for example.
options: {}
"""

    INSTANCE = r"""
options:
  name:
    description: Name of the instance.
    type: str
    required: true
  namespace:
    description: Namespace of the instance.
    type: str
    required: true
  owner_labels:
    description: Labels that mark an object as this instance's. Other objects are neither changed nor removed.
    type: dict
    required: true
"""

    WAITING = r"""
options:
  timeout:
    description: Maximum seconds to wait.
    type: int
    default: 600
  unschedulable_timeout:
    description: Seconds that a pod may find no node, or wait for a Secret or a ConfigMap that does not exist. Raise it if
      nodes or volumes are created on demand. A claim of the pod has at least 20 seconds from its creation, since the cluster
      looks for its volume every 15.
    type: int
    default: 10
  log_lines:
    description: Number of lines to show from the end of a failed container's log.
    type: int
    default: 40
  keep:
    description: A folder on the machine that the module runs on. A failure creates a folder in it that only this user can read,
      with the events and the logs of the pods that did not become ready, without the lines that are never shown. Nothing is
      removed from it.
    type: path
  lease:
    description: A Lease from P(varasys.zddc.lease#module) to renew during the wait. The module fails if another run has taken
      the Lease.
    type: dict
    suboptions:
      name:
        description: Name of the Lease, in the same namespace.
        type: str
        required: true
      holder:
        description: The holder.
        type: str
        required: true
      seconds:
        description: Seconds after which it ends unless it is renewed.
        type: int
        default: 30
  variables:
    description: The variables to name when a container fails, by the container's name. Those under C(memory/NAME) set the
      container's resources, and are named if it ran out of memory. Those under C(PersistentVolumeClaim/NAME) are for that claim,
      and those under an empty name for a pod without a failed container.
    type: dict
    default: {}
  progress:
    description:
      - A file to which a line is added for each stage that is reached, with the seconds since the first check.
        A long stage gets another line every 10 s if there is news, which is the last line of an init container's log or an
        event that reports a problem. The log of a container that serves is never shown.
      - Without it, the lines are shown while the task runs, if it runs on the controller without C(async), C(become) and
        C(no_log). They go to the standard error. With a callback that prints JSON, they are not shown.
    type: path
  details:
    description: Whether a failure returns, in addition to its message, the facts behind it, such as RV(log) and RV(events).
    type: bool
    default: true
  stages:
    description: The stage to show in O(progress) for a container, by the container's name. A container with several stages
      logs lines that begin with a stage and a colon. Other containers are shown as C(running NAME) or C(starting NAME).
    type: dict
    default: {}
"""

    OUTAGE = r"""
options:
  outage_timeout:
    description: Seconds for which a request is retried while the cluster does not answer or is temporarily unavailable.
    type: int
    default: 60
"""
