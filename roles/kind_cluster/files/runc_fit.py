# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run runc as an OCI runtime, with requests limited to what this machine has.

A machine may itself lack a capability, or the right to lower an OOM score. An engine that requests all of them then
starts no privileged container. This removes what the machine lacks from the request, and runs runc.
"""

from __future__ import annotations

import json
import os
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

# In the kernel's order: the index of a name is its bit.
CAPABILITIES = [
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT",
    "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD",
    "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND",
    "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
]  # fmt: skip


def option(args: list[str], long: str, short: str) -> str | None:
    """Return the value of an option given as `--long value`, `--long=value` or `-s value`."""
    for arg, following in pairwise([*args, ""]):
        if arg in (long, short):
            return following
        if arg.startswith(f"{long}="):
            return arg.partition("=")[2]
    return None


def held() -> set[str]:
    """Return the capabilities that a process of this machine can have at all."""
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    mask = int(next(line for line in status if line.startswith("CapBnd")).split()[1], 16)
    return {f"CAP_{name}" for bit, name in enumerate(CAPABILITIES) if mask >> bit & 1}


def fit(process: dict[str, Any]) -> None:
    """Remove from a process what the machine lacks."""
    own = held()
    for kind, names in (process.get("capabilities") or {}).items():
        process["capabilities"][kind] = [name for name in names if name in own]
    process["oomScoreAdj"] = max(process.get("oomScoreAdj") or 0, 0)


def main(args: list[str]) -> None:
    """Rewrite the specification that the command reads, then become runc."""
    spec = None
    if "create" in args or "run" in args:
        spec = Path(option(args, "--bundle", "-b") or ".", "config.json")
    elif "exec" in args and (given := option(args, "--process", "-p")):
        spec = Path(given)
    if spec:
        content = json.loads(spec.read_text(encoding="utf-8"))
        fit(content.get("process", content))
        spec.write_text(json.dumps(content), encoding="utf-8")
    os.execvp("runc", ["runc", *args])


if __name__ == "__main__":
    main(sys.argv[1:])
