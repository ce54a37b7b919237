#!/usr/bin/python
# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: git_ref_info
short_description: Resolves a tag, a branch or a commit of a Git repository to a full commit
version_added: 0.1.0
author: varasys.zddc contributors (!UNKNOWN)
description:
  - Resolves a name with C(git ls-remote), from the controller. It clones nothing and changes nothing.
  - A commit that no tag and no branch points to is looked up with C(git fetch), without its files.
  - Its messages name the variables of the role, C(zddc_server_git_repo) and C(zddc_server_git_ref).
  - It never prompts for a user or a password. It uses what Git is configured with, such as SSH keys and credential helpers.
requirements:
  - git, on the controller
options:
  repo:
    description:
      - URL of the repository, or the absolute path of one on the controller.
      - A URL with a password or a token is rejected.
    type: str
    required: true
  ref:
    description:
      - Name of a tag or a branch, or a commit in full (40 or 64 hexadecimal digits).
      - C(HEAD) and full names such as C(refs/heads/main) are rejected, so that each ref has one name.
    type: str
    required: true
  timeout:
    description: Seconds within which the repository has to answer all requests.
    type: int
    default: 10
attributes:
  action:
    support: full
    description: It runs on the controller.
  check_mode:
    support: full
    description: It changes nothing, so it does the same in check mode.
"""

EXAMPLES = r"""
- name: Find the commit of a release
  varasys.zddc.git_ref_info:
    repo: https://codeberg.org/VARASYS/ZDDC
    ref: zddc-server-v0.0.7
  register: source

- name: Show it
  ansible.builtin.debug:
    msg: "{{ source.ref }} is a {{ source.kind }}, commit {{ source.commit }}"
"""

RETURN = r"""
repo:
  description: The repository.
  type: str
  returned: always
  sample: https://codeberg.org/VARASYS/ZDDC
ref:
  description: The requested name.
  type: str
  returned: always
  sample: zddc-server-v0.0.7
commit:
  description: The full commit, in lower case. An annotated tag gives the commit that it points to.
  type: str
  returned: success
  sample: 0123456789abcdef0123456789abcdef01234567
unreadable:
  description: Whether the repository could not be read, so that nothing is known about the ref.
  type: bool
  returned: failure
  sample: false
kind:
  description:
    - The kind of the name, C(tag), C(branch) or C(commit).
    - Some repositories do not serve commits by their hash. Then only a later fetch shows whether the commit exists.
  type: str
  returned: success
  sample: tag
"""
