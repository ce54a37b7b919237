# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""checkov for each list of arguments on standard input, each in a fork: to load it takes longer than what it does."""

from __future__ import annotations

import json
import os
import sys

from checkov.main import Checkov  # type: ignore[import-not-found]

for arguments in json.load(sys.stdin):
    if not os.fork():
        sys.exit(Checkov(arguments).run())
    if os.waitstatus_to_exitcode(os.wait()[1]) not in (0, 1):
        sys.exit(2)
    print(end="\0", flush=True)
