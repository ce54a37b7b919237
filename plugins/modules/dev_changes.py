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
  - Finds the pod of dev with a container that reaches the layers of the overlay, and runs C(changes.sh) of the role in it.
  - Neither the overlay nor the store below it is changed.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
  - varasys.zddc.api.instance
  - varasys.zddc.internal
options:
  archive:
    description:
      - Where to pack what was added or changed, as a tar. The paths of what was deleted are written beside it, into a file whose
        name ends in C(.deleted), each ended by a zero byte. It fails where the archive is there already.
      - Without it, what was written is listed.
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
    description: It lists, and packs nothing.
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
  description: How the documents differ from the store, by path.
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
      description: The path, with a slash at the end for a folder. A backslash and what cannot be shown is escaped.
      type: str
      sample: Gamma/written.txt
counts:
  description: How many there are of each.
  type: dict
  returned: when it lists
  sample: {added: 1, changed: 0, deleted: 2}
own:
  description: How many differences there are in the server's own folder besides.
  type: int
  returned: when it lists
  sample: 3
reason:
  description: Why it failed, in a word, as the notes say. Empty where what ran in the pod is what failed.
  type: str
  returned: when the cluster is why it failed
  sample: forbidden
"""

from ansible_collections.varasys.zddc.plugins.module_utils.dev_changes import ARGUMENT_SPEC, find
from ansible_collections.varasys.zddc.plugins.module_utils.running import run


def main() -> None:
    run(find, ARGUMENT_SPEC)


if __name__ == "__main__":
    main()
