#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: signature
short_description: Checks that a trusted signer has signed a tag or a commit of a Git repository
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Fetches the tag or the commit, without files, and has Git verify its signature. It only reads.
  - For a tag, only its own signature counts, not that of the commit that it points to. It must be signed under its name in
    the repository, and point to O(commit). A lightweight tag has no signature.
  - Only the keys of the given signers count, not those of a key ring or of Git's configuration.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - varasys.zddc.api
  - varasys.zddc.internal
requirements:
  - git 2.34 or newer
  - ssh-keygen for signatures with an SSH key
  - gpg for signatures with an OpenPGP key
options:
  repo:
    description: The repository, as P(varasys.zddc.git_ref_info#module) takes it.
    type: str
    required: true
  ref:
    description: The tag, the branch or the commit, as P(varasys.zddc.git_ref_info#module) takes it.
    type: str
    required: true
  commit:
    description: The full commit that the ref points to.
    type: str
    required: true
  kind:
    description:
      - The kind of the ref. For V(tag) the tag is checked, for V(branch) and V(commit) the commit.
      - With V(kept) the repository is not read, and O(noted) decides.
    type: str
    choices: [tag, branch, commit, kept]
    required: true
  timeout:
    description: Seconds within which the repository has to answer.
    type: int
    default: 10
  file:
    description:
      - File with the signers, on the host where the module runs.
      - "It has lines as C(ssh-keygen) takes them for its option C(-f), with the signer and an SSH key (ALLOWED SIGNERS in its
        manual), or armored OpenPGP public keys, or both."
    type: path
  config_map:
    description: ConfigMap with the signers, instead of O(file).
    type: str
  key:
    description: The key of the signers in the ConfigMap.
    type: str
    default: allowed_signers
  namespace:
    description: Namespace of the ConfigMap. Needed with O(config_map).
    type: str
  noted:
    description: What this module returned at an earlier check, C(signed_by) and C(trusted).
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: It changes nothing, so it does the same in check mode.
"""

EXAMPLES = r"""
- name: Check who has signed the release
  varasys.zddc.signature:
    repo: https://codeberg.org/VARASYS/ZDDC
    ref: zddc-server-v0.0.7
    commit: 0123456789abcdef0123456789abcdef01234567
    kind: tag
    file: /etc/zddc/allowed_signers
  register: signature
"""

RETURN = r"""
signed_by:
  description: Who has signed it, by the name among the signers, and with which key.
  type: str
  returned: success
  sample: ada@example.org, ED25519 key SHA256:9SEqdbwdgMDkxEFaviVyWwD9kBrc2BJdymBPbaFkUJc
trusted:
  description: Digest of all given signers.
  type: str
  returned: success
  sample: 4b1c0f6f6a1d3f8d7f0e
reason:
  description: Why it failed, in one word (see the notes).
  type: str
  returned: when the cluster is the cause of a failure
  sample: away
"""

from ansible_collections.varasys.zddc.plugins.module_utils.running import run
from ansible_collections.varasys.zddc.plugins.module_utils.source.signature import ARGUMENT_SPEC, CONDITIONS, checked


def main() -> None:
    run(checked, ARGUMENT_SPEC, **CONDITIONS)


if __name__ == "__main__":
    main()
