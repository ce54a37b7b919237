# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What plays and their modules load: imported by what plays are forks of."""

from __future__ import annotations

import gc
import importlib
import pkgutil
import warnings

import ansible.executor.playbook_executor
import ansible.plugins.strategy.linear  # noqa: F401
import kubernetes.dynamic  # noqa: F401
from ansible.cli.playbook import main  # noqa: F401
from ansible.plugins import loader

loader.init_plugin_loader()
# A play does so again, and is told that it was done.
warnings.filterwarnings("ignore", message="AnsibleCollectionFinder has already been configured")
for collection in ("ansible.builtin", "kubernetes.core", "varasys.zddc"):
    importlib.import_module(f"ansible_collections.{collection}")
# Modules run in forks too.
for package in (f"ansible_collections.{collection}.plugins.module_utils" for collection in ("kubernetes.core", "varasys.zddc")):
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        importlib.import_module(found.name)
for kind in ("inventory", "callback", "filter", "test", "strategy", "become"):
    list(getattr(loader, f"{kind}_loader").all(class_only=True))

# What is there stays: looking for garbage in it would copy it in every fork.
gc.freeze()
