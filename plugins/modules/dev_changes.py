#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: dev_changes
short_description: Lists what a pod of dev wrote, or packs it
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Finds the pod of dev with a container that can read the layers of the overlay, and runs the role's C(changes.sh) in it.
  - It changes neither the overlay nor the store below it.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
  - varasys.zddc.api.instance
  - varasys.zddc.internal
options:
  archive:
    description:
      - The tar archive for what was added or changed. The paths of what was deleted go into a file beside it whose name ends in
        C(.deleted), each followed by a zero byte. It fails if the archive already exists.
      - Without it, the changes are listed.
    type: path
attributes:
  action:
    support: full
    description: An action plugin runs P(kubernetes.core.k8s_exec#module) and P(kubernetes.core.k8s_cp#module).
  async:
    support: none
    description: It waits itself.
  check_mode:
    support: full
    description: It packs nothing.
"""

EXAMPLES = r"""
- name: List what dev wrote
  varasys.zddc.dev_changes:
    name: zddc-server-dev
    namespace: documents
    owner_labels:
      app.kubernetes.io/instance: zddc-server-dev
      app.kubernetes.io/managed-by: varasys.zddc
"""

RETURN = r"""
pod:
  description: The pod.
  type: str
  returned: success
  sample: zddc-server-dev-6d5c7f9b8-x2x4k
container:
  description: Its container.
  type: str
  returned: success
  sample: zddc-server
changes:
  description: The differences between the documents and the store, by path.
  type: list
  elements: dict
  returned: when it lists
  contains:
    change:
      description: C(added), C(changed) or C(deleted).
      type: str
      sample: added
    size:
      description: The size in bytes, empty for a folder.
      type: str
      sample: "14"
    path:
      description: The path, with a slash at the end for a folder. A backslash and characters that cannot be shown are escaped.
      type: str
      sample: Gamma/written.txt
counts:
  description: The number of changes of each kind.
  type: dict
  returned: when it lists
  sample: {added: 1, changed: 0, deleted: 2}
own:
  description: The number of further differences, in the server's own folder.
  type: int
  returned: when it lists
  sample: 3
reason:
  description: Why it failed, in one word (see the notes). Empty if the command in the pod failed.
  type: str
  returned: when the cluster is the cause of a failure
  sample: forbidden
"""

from ansible_collections.varasys.zddc.plugins.module_utils.dev_changes import ARGUMENT_SPEC, find
from ansible_collections.varasys.zddc.plugins.module_utils.running import run


def main() -> None:
    run(find, ARGUMENT_SPEC)


if __name__ == "__main__":
    main()
