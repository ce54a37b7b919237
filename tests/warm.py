# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ansible-playbook in a fork of a process that has loaded Ansible and the Kubernetes library, which takes as long as many a play.

Ansible reads its settings as it is loaded: a play with other settings needs a start of its own. Of HOME it reads where
plugins of one's own and temporary files are, which is no matter here.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

from kubernetes.config import kube_config

SETTINGS = ("ANSIBLE", "LANG", "LC_", "PYTHON")


class Warm:
    """The process, and what it was started with."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self._folder, self._settings = folder, settings({**os.environ, **environment})
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.loaded"])
        was, before = Path.cwd(), dict(os.environ)
        os.chdir(folder)
        os.environ.update(environment)
        try:
            # The first one starts what the others are forks of.
            self.play(["--version"], dict(os.environ))
        finally:
            os.chdir(was)
            os.environ.clear()
            os.environ.update(before)

    def fits(self, folder: Path, environment: dict[str, str]) -> bool:
        """Tell whether a play would find what was loaded as it would load it."""
        return folder == self._folder and settings(environment) == self._settings

    def play(self, arguments: list[str], environment: dict[str, str]) -> tuple[int, str, str]:
        """Give the return code and what was said."""
        with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
            given = (arguments, str(self._folder), environment, out.name, err.name)
            process = self._context.Process(target=run, args=given)
            process.start()
            process.join()
            return process.exitcode or 0, Path(out.name).read_text(), Path(err.name).read_text()


def settings(environment: dict[str, str]) -> dict[str, str]:
    """Give what of an environment Ansible may read as it is loaded."""
    return {name: value for name, value in environment.items() if name.startswith(SETTINGS)}


def run(arguments: list[str], folder: str, environment: dict[str, str], out: str, err: str) -> None:
    """Be ansible-playbook."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for name, number in ((os.devnull, 0), (out, 1), (err, 2)):
        os.dup2(os.open(name, os.O_RDWR), number)
    # The Kubernetes library has read it, as it was loaded.
    vars(kube_config)["KUBE_CONFIG_DEFAULT_LOCATION"] = environment.get("KUBECONFIG", "~/.kube/config")
    sys.stdin, sys.stdout, sys.stderr = (open(number, mode) for number, mode in enumerate("rww"))  # noqa: SIM115
    sys.modules["tests.loaded"].main(["ansible-playbook", *arguments])
