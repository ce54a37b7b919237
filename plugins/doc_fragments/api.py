# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the documentation of several modules has in common."""

from __future__ import annotations


class ModuleDocFragment:
    """For every module that asks the cluster's API; INSTANCE for one that is about an instance, WAITING for one that waits,
    OUTAGE for one that can wait until the cluster answers again."""

    DOCUMENTATION = r"""
requirements:
  - the Python library kubernetes, 24.2.0 or newer, 37.0.2 for example
  - none of its versions 32.0.0, 35.x and 36.0.0, with which kubernetes.core fails
notes:
  - Where it is the cluster for which it fails, its result has a C(reason). C(away), it does not answer, or cannot just now.
    C(forbidden), the user lacks a right. C(refused), it answers, and does not do this. C(expired), it does not accept the
    credentials. C(lost_lease), another run works on the instance. C(setup), what leads to it is wrong, a kubeconfig for example.
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
    description: Labels that mark an object as this instance's. Others are neither changed nor removed.
    type: dict
    required: true
"""

    WAITING = r"""
options:
  timeout:
    description: Seconds to wait at most.
    type: int
    default: 600
  unschedulable_timeout:
    description: Seconds that a pod may find no node for, or wait for a Secret or a ConfigMap that is not there. Raise it where
      nodes or volumes are made on demand. A claim of the pod's has 20 seconds at least from its making, since the cluster
      looks for its volume every 15.
    type: int
    default: 10
  log_lines:
    description: How many of the last lines of a failed container's log to show.
    type: int
    default: 40
  keep:
    description: A folder in which a failure makes one of its own, for this user alone, with the events and the logs
      of the pods that did not become ready, without the lines that are never shown. It is on the machine that the module
      runs on. Nothing is removed from it.
    type: path
  lease:
    description: A Lease to renew while it waits, as P(varasys.zddc.lease#module) took it. It fails where another has
      taken it meanwhile.
    type: dict
    suboptions:
      name:
        description: Name of the Lease, in the same namespace.
        type: str
        required: true
      holder:
        description: Who holds it.
        type: str
        required: true
      seconds:
        description: Seconds after which it ends unless it is renewed.
        type: int
        default: 30
  variables:
    description: The names of the variables that decide how a container fares, by the container's name, to be named when
      it fails. Those under C(memory/NAME) give what resources the container has, and are named where it lacked memory. Those
      under C(PersistentVolumeClaim/NAME) are for that claim, and those under an empty name for a pod of which no container
      failed.
    type: dict
    default: {}
  progress:
    description:
      - A file to which a line is added for each stage that is reached, with the seconds since the first look.
        A stage that lasts is told again every 10 s if there is news, the last line of an init container's log or an
        event that says what is wrong. The log of a container that serves is never shown.
      - Without it, the lines are shown while the task runs, if it runs on the controller itself, neither with C(async)
        nor with C(become) nor with C(no_log). They go to the standard error, and not beside a callback that prints JSON.
    type: path
  details:
    description: Whether a failure has, beside its message, what that was made of, such as RV(log) and RV(events).
    type: bool
    default: true
  stages:
    description: What a container does, by its name, in the words of O(progress). A container that does several things
      says so by lines that begin with such a name and a colon. Others are C(running NAME) or C(starting NAME).
    type: dict
    default: {}
"""

    OUTAGE = r"""
options:
  outage_timeout:
    description: Seconds for which a request is made again where the cluster does not answer, or says that it cannot just now.
    type: int
    default: 60
"""
