# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a module's documentation says is what it does."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible_collections.kubernetes.core.plugins.doc_fragments import k8s_auth_options

from ansible_collections.varasys.zddc.plugins.action import record as recording
from ansible_collections.varasys.zddc.plugins.doc_fragments import api, internal
from ansible_collections.varasys.zddc.plugins.module_utils import running
from ansible_collections.varasys.zddc.plugins.module_utils.source import git_ref
from ansible_collections.varasys.zddc.plugins.modules import git_ref_info, record, schema

ACTIONS = {git_ref_info: git_ref.ARGUMENT_SPEC, record: recording.ARGUMENT_SPEC}
FOLDER = Path(schema.__file__).parent
FOUND = [import_module(f"{schema.__package__}.{path.stem}") for path in sorted(FOLDER.glob("[a-z]*.py"))]
# The others are the pages of actions.
MODULES = pytest.mark.parametrize(
    "module",
    [module for module in FOUND if hasattr(module, "main") or module in ACTIONS],
    ids=lambda module: module.__name__.rpartition(".")[2],
)


class Captured(Exception):
    pass


@pytest.fixture
def spec_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[ModuleType], dict[str, Any]]:
    def capture(module: ModuleType) -> dict[str, Any]:
        # Actions alone.
        if module in ACTIONS:
            return ACTIONS[module]

        def stop(**settings: Any) -> None:
            raise Captured(settings)

        monkeypatch.setattr(schema if module is schema else running, "AnsibleModule", stop)
        with pytest.raises(Captured) as caught:
            module.main()
        settings = caught.value.args[0]
        assert settings["supports_check_mode"] is True
        return settings["argument_spec"]

    return capture


def documented(module: ModuleType) -> dict[str, Any]:
    doc = yaml.safe_load(module.DOCUMENTATION)
    fragments = {
        "kubernetes.core.k8s_auth_options": k8s_auth_options.ModuleDocFragment.DOCUMENTATION,
        "varasys.zddc.api": api.ModuleDocFragment.DOCUMENTATION,
        "varasys.zddc.api.instance": api.ModuleDocFragment.INSTANCE,
        "varasys.zddc.api.waiting": api.ModuleDocFragment.WAITING,
        "varasys.zddc.api.outage": api.ModuleDocFragment.OUTAGE,
        "varasys.zddc.internal": internal.ModuleDocFragment.DOCUMENTATION,
    }
    options = dict(doc.get("options", {}))
    for name in doc.get("extends_documentation_fragment", []):
        options |= yaml.safe_load(fragments[name]).get("options", {})
    return options


def compare(spec: dict[str, Any], options: dict[str, Any]) -> None:
    assert set(spec) == set(options)
    for name, has in spec.items():
        says = options[name]
        for key, usual in (
            ("type", "str"),
            ("required", False),
            ("default", None),
            ("choices", None),
            ("elements", None),
        ):
            assert has.get(key, usual) == says.get(key, usual), f"{name}: {key}"
        assert has.get("aliases", []) == says.get("aliases", [])
        if "options" in has:
            compare(has["options"], says["suboptions"])


@MODULES
def test_options(module: ModuleType, spec_of: Callable[[ModuleType], dict[str, Any]]) -> None:
    compare(spec_of(module), documented(module))


@MODULES
def test_the_rest(module: ModuleType) -> None:
    doc, name = yaml.safe_load(module.DOCUMENTATION), module.__name__.rpartition(".")[2]
    assert doc["module"] == name and doc["version_added"] == "0.1.0"
    assert all(f"varasys.zddc.{name}" in task for task in yaml.safe_load(module.EXAMPLES)[:1])
    for told in yaml.safe_load(module.RETURN).values():
        assert {"description", "type", "returned"} <= set(told)
