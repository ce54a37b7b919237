# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The connection `local`, which runs a module in a fork of the controller: to start Python and to load the Kubernetes library
takes longer than most modules do.

The tests lead Ansible here; what it loads is the same in both cases, and so is what the module gets and gives.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

# What modules load, loaded once for a play.
import ansible.module_utils.basic
import ansible.plugins.connection

# Where it is: some tests hide it.
with suppress(ImportError):
    import kubernetes.dynamic  # noqa: F401

DOCUMENTATION = """
name: local
author: the varasys.zddc contributors
short_description: run modules in forks of the controller
description: As C(ansible.builtin.local), without a new interpreter for each module.
options:
  become_success_timeout:
    description: As there.
    type: int
    default: 10
  become_strip_preamble:
    description: As there.
    type: bool
    default: true
extends_documentation_fragment: [connection_pipelining]
"""

# A module that wants this interpreter, with no environment of its own, as a pipelined one is started.
COMMAND = f"/bin/sh -c '{sys.executable} && sleep 0'"

# Under this name, `local` is this file itself.
spec = importlib.util.spec_from_file_location("stock_local", Path(ansible.plugins.connection.__path__[0]) / "local.py")
assert spec and spec.loader
stock = importlib.util.module_from_spec(spec)
spec.loader.exec_module(stock)


class Connection(stock.Connection):  # type: ignore[name-defined, misc]
    """The same, but for modules."""

    def exec_command(self, cmd: Any, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a module in a fork, and everything else as it is."""
        if in_data is None or cmd != COMMAND:
            return tuple(super().exec_command(cmd, in_data, sudoable))
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            if not (pid := os.fork()):
                run(in_data, out.fileno(), err.fileno())
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            out.seek(0)
            err.seek(0)
            return code, out.read(), err.read()


def run(source: bytes, out: int, err: int) -> NoReturn:
    """Be the interpreter that got this source on its standard input."""
    code = 1
    client: Any = sys.modules.get("kubernetes.config.kube_config")
    # The files with the keys of a kubeconfig: this fork has its own, and no exit handler removes them.
    if client:
        client._temp_files = {}
    try:
        for number, stream in enumerate((os.open(os.devnull, os.O_RDONLY), out, err)):
            os.dup2(stream, number)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
        sys.argv = ["-"]
        # A module's warnings go into its result.
        ansible.module_utils._internal.is_controller = False
        exec(compile(source, "<stdin>", "exec"), {"__name__": "__main__"})
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:  # there is nobody else to tell
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if client:
            client._cleanup_temp_files()
        os._exit(code)
