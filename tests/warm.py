# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ansible-playbook in a fork of a process that has loaded Ansible and the Kubernetes library, which takes as long as many a play.

Ansible reads its settings as it is loaded: a play with other settings needs a start of its own. Of HOME it reads where
plugins of one's own and temporary files are, which is no matter here.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SETTINGS = ("ANSIBLE", "LANG", "LC_", "PYTHON")
# It plays where the caller is, with the files that the caller has open.
COMMAND = f"""#!{sys.executable}
import os, sys
sys.path.insert(0, {str(HERE)!r})
from warm import ask
sys.exit(ask({{path!r}}, sys.argv[1:], os.getcwd(), dict(os.environ), [0, 1, 2]))
"""


class Warm:
    """The process, which loads Ansible with the settings of the first play. It ends with the one that made it."""

    def __init__(self) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="warm-")
        self._path = f"{self._home.name}/socket"
        with socket.create_server(self._path, family=socket.AF_UNIX) as listener:
            command = [sys.executable, "-P", str(HERE / "loaded.py"), str(listener.fileno())]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[listener.fileno()])

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()
        self._home.cleanup()

    def command(self) -> Path:
        """Give a folder with an ansible-playbook that plays here."""
        program = Path(self._home.name) / "bin/ansible-playbook"
        program.parent.mkdir(exist_ok=True)
        program.write_text(COMMAND.format(path=self._path))
        program.chmod(0o755)
        return program.parent

    def play(self, arguments: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str, str]:
        """Give the return code and what was said."""
        with open(os.devnull) as nothing, tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            files = [file.fileno() for file in (nothing, out, err)]
            code = ask(self._path, arguments, str(folder), environment, files)
            out.seek(0)
            err.seek(0)
            return code, out.read(), err.read()


def ask(path: str, arguments: list[str], folder: str, environment: dict[str, str], files: list[int]) -> int:
    """Let the process play, with these for standard input, output and error, and give the return code."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        socket.send_fds(connection, [b"."], files)
        connection.sendall(json.dumps([arguments, folder, environment]).encode())
        connection.shutdown(socket.SHUT_WR)
        return int(connection.recv(8) or 1)


def settings(environment: dict[str, str]) -> dict[str, str]:
    """Give what of an environment Ansible may read as it is loaded."""
    return {name: value for name, value in environment.items() if name.startswith(SETTINGS)}
