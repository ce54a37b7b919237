#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: source
short_description: Finds the commit to deploy
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Resolves the ref of an instance to a commit, and rejects a commit that the variables of the instance rule out.
  - If the repository cannot be read, the commit deployed last from the same repository and ref is used.
  - If the instance has trusted signers, their signature is checked.
  - It runs on the controller. Only the history, and a ConfigMap with trusted signers, are read from the cluster.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.internal
options:
  instance:
    description: The instance, as P(varasys.zddc.instance#module) returns it.
    type: dict
    required: true
  commit:
    description: A full commit to use instead. The repository is not read then.
    type: str
  history:
    description: Whether to look in the history for a commit if the repository cannot be read.
    type: bool
    default: true
attributes:
  action:
    support: full
    description: It is only an action plugin.
  check_mode:
    support: full
    description: It changes nothing, so it does the same in check mode.
"""

EXAMPLES = r"""
- name: Resolve the ref to a commit
  varasys.zddc.source:
    instance: "{{ checked.instance }}"
  register: source
"""

RETURN = r"""
commit:
  description: The full commit.
  type: str
  returned: success
  sample: 0123456789abcdef0123456789abcdef01234567
kind:
  description: What led to it, C(tag), C(branch) or C(commit), or C(kept) if the repository cannot be read.
  type: str
  returned: success
  sample: tag
at:
  description: When it was looked up. Empty for a given commit.
  type: str
  returned: success
  sample: "2026-11-23 10:05:44.123456"
signature:
  description: Who signed it, C(signed_by), and a digest of the trusted signers, C(trusted).
  type: dict
  returned: with trusted signers
  sample: {}
said:
  description: What to show to the user.
  type: list
  elements: str
  returned: success
  sample: []
reason:
  description: Why the cluster did not give what was needed, in one word.
  type: str
  returned: when the cluster is the cause of a failure
  sample: away
"""
