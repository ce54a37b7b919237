# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The process that plays in forks of itself: warm.py starts it. It is told of each play over a socket."""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import tempfile
import traceback
import warnings
from typing import NoReturn


def load() -> None:
    """Load what plays and their modules do."""
    for name in ("ansible.cli.playbook", "ansible.plugins.strategy.linear", "ansible.executor.playbook_executor"):
        importlib.import_module(name)
    importlib.import_module("kubernetes.dynamic")
    loader = importlib.import_module("ansible.plugins.loader")
    loader.init_plugin_loader()
    # A play does so again, and is told that it was done.
    warnings.filterwarnings("ignore", message="AnsibleCollectionFinder has already been configured")
    importlib.import_module("ansible_collections.ansible.builtin")
    # Modules run in forks too.
    for package in (f"ansible_collections.{name}.plugins.module_utils" for name in ("kubernetes.core", "varasys.zddc")):
        for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(found.name)
    for kind in ("inventory", "callback", "filter", "test", "strategy", "become"):
        list(getattr(loader, f"{kind}_loader").all(class_only=True))
    # Looking for garbage would copy what is here in every fork, and none lives long.
    gc.disable()
    # It would look a thousand times a second whether a task has ended.
    vars(sys.modules["ansible.constants"])["DEFAULT_INTERNAL_POLL_INTERVAL"] = 0.01


def play(arguments: list[str]) -> int:
    """Be ansible-playbook."""
    # The Kubernetes library has read it, as it was loaded.
    location = os.environ.get("KUBECONFIG", "~/.kube/config")
    vars(sys.modules["kubernetes.config.kube_config"])["KUBE_CONFIG_DEFAULT_LOCATION"] = location
    # So is where temporary files go.
    tempfile.tempdir = None
    try:
        sys.modules["ansible.cli.playbook"].main(["ansible-playbook", *arguments])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def answer(connection: socket.socket, files: list[int], arguments: list[str]) -> NoReturn:
    """Play with these files, and send the return code."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, file in enumerate(files):
            os.dup2(file, number)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
        code = play(arguments)
    except BaseException:  # there is nobody else to tell
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(str(code).encode())
        os._exit(0)


def serve(listener: socket.socket) -> None:
    """Play what is asked for, until the other end of the standard input is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    loaded = False
    while listener in select.select([listener, sys.stdin], [], [])[0]:
        connection, _address = listener.accept()
        files = socket.recv_fds(connection, 1, 3)[1]
        with connection.makefile() as request:
            arguments, folder, environment = json.load(request)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        if not loaded:
            load()
            loaded = True
        if not os.fork():
            answer(connection, files, arguments)
        connection.close()
        for file in files:
            os.close(file)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
