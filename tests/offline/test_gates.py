# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What keeps the code as it is: `make lint` and pre-commit run the same, over all that there is."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
SHELL = re.compile(rb"#!.*\b(ba|da)?sh\n|# shellcheck shell=")


def test_make_and_pre_commit_run_the_same() -> None:
    found = re.search(r"^LINT := (.*)$", MAKEFILE, re.MULTILINE)
    assert found
    linters = found[1].split()
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local"
    assert [(hook["id"], hook["entry"]) for hook in local["hooks"]] == [(name, f"make {name}") for name in linters]
    assert set(linters) == set(re.findall(r"^(lint-\w+):", MAKEFILE, re.MULTILINE))
    for hook in local["hooks"]:
        assert any(re.search(hook["files"], path) for path in tracked()), f"{hook['id']} never runs"


def test_every_script_is_looked_at() -> None:
    command = ["make", "--dry-run", "--no-print-directory", "lint-shell"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    scripts = {path for path in tracked() if path.endswith(".sh") or SHELL.match((ROOT / path).read_bytes()[:40])}
    assert scripts <= set(said.split())


def tracked() -> list[str]:
    """Give the paths of the project's files."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [path for path in listed if (ROOT / path).is_file()]


def test_the_changelog_has_the_plugins_that_there_are() -> None:
    releases = yaml.safe_load((ROOT / "changelogs/changelog.yaml").read_text())["releases"].values()
    told = [one["name"] for release in releases for one in release.get("modules", [])]
    told += [one["name"] for release in releases for kind in release.get("plugins", {}).values() for one in kind]
    folders = ("modules", "filter", "test", "lookup")
    assert sorted(told) == sorted(path.stem for folder in folders for path in (ROOT / "plugins" / folder).glob("[!_]*.py"))


def test_the_group_has_every_module_that_asks_a_cluster() -> None:
    _more, *group = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())["action_groups"]["k8s"]
    modules = (ROOT / "plugins/modules").glob("[!_]*.py")
    assert group == sorted(path.stem for path in modules if "\n  - kubernetes.core.k8s_auth_options\n" in path.read_text())


def test_every_plugin_is_public_or_a_part_of_the_role() -> None:
    section = (ROOT / "docs/architecture.md").read_text().partition("## What is public\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| (modules|filters) \| (.*) \|$", section, re.MULTILINE))
    public = {kind: set(re.findall(r"`(\w+)`", names)) for kind, names in rows.items()}
    modules = {path.stem: path.read_text() for path in (ROOT / "plugins/modules").glob("[!_]*.py")}
    parts = {name for name, text in modules.items() if "\n  - varasys.zddc.internal\n" in text}
    assert public["modules"] | parts == set(modules)
    assert not public["modules"] & parts
    assert public["filters"] == {path.stem for path in (ROOT / "plugins/filter").glob("[!_]*.py")}
