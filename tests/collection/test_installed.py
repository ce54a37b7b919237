# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The collection as users have it: installed into a path that was empty, or as a fresh clone."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import yaml
from packaging.requirements import Requirement

from ansible_collections.varasys.zddc.plugins.module_utils.cluster.api import GOOD_CLIENT

ROOT = Path(__file__).resolve().parent.parent.parent
# Each module in a Python of its own, as a file: the other tests fork, and pipe.
AS_USERS = {"ANSIBLE_CONNECTION_PLUGINS": "none", "ANSIBLE_PIPELINING": "false"}
PINNED = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
# What users need, as pathspecs of git. All else serves the development of the collection.
SHIPPED = ("*.md", "LICENSE", "changelogs/*.yaml", "docs", "examples", "meta", "playbooks/*.yml", "plugins", "roles")
# It needs tests/fixtures.
KEPT = (":!playbooks/demo.yml", ":!tests", ":!molecule")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command in an environment that leads to no collection of ours, and give its output."""
    done = subprocess.run(
        ["env", "--unset=ANSIBLE_CONFIG", *(f"{name}={value}" for name, value in environment.items()), *command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class Installed:
    """An installed collection, the folder of the archive that it came from, and an empty one to work in."""

    built: Path
    collections: Path
    cwd: Path

    @property
    def environment(self) -> dict[str, str]:
        """Give the variable that leads to it."""
        return {"ANSIBLE_COLLECTIONS_PATH": str(self.collections), **AS_USERS}

    @property
    def folder(self) -> Path:
        """Give where the collection lies."""
        return self.collections / "ansible_collections/varasys/zddc"


@pytest.fixture(scope="module", name="installed")
def installed_fixture(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Give the collection, built from this checkout and installed."""
    built, collections, cwd = (tmp_path_factory.mktemp(name) for name in ("built", "collections", "cwd"))
    run("ansible-galaxy", "collection", "build", ROOT, "--output-path", built, cwd=cwd)
    (archive,) = built.iterdir()
    run("ansible-galaxy", "collection", "install", "--no-deps", archive, "--collections-path", collections, cwd=cwd)
    return Installed(built, collections, cwd)


@pytest.fixture(scope="module", name="clone")
def clone_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a fresh clone."""
    folder = tmp_path_factory.mktemp("clone") / "zddc"
    run("git", "clone", "--quiet", ROOT, folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="module", name="instance")
def instance_fixture(prepare: Callable[..., Any]) -> Any:
    """Give a namespace in which a deploy succeeds."""
    return prepare("collection", 30425)


def test_the_workflow_of_the_example(
    installed: Installed, instance: Any, core: kubernetes.client.CoreV1Api, tmp_path: Path
) -> None:
    """Every step that the reader's CI would run, in a copy of the example beside the archive of the collection."""
    folder = tmp_path / "own-role"
    shutil.copytree(installed.folder / "examples/own-role", folder)
    (archive,) = installed.built.iterdir()
    shutil.copy(archive, folder)
    workflow = yaml.safe_load((folder / ".github/workflows/molecule.yml").read_text())
    steps = [step["run"] for step in workflow["jobs"]["molecule"]["steps"] if "run" in step]
    # With what is pinned here, pip has nothing to install.
    assert set((folder / "requirements.txt").read_text().splitlines()) < set(PINNED)
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"),
        "ARCHIVE_GIT_REPO": instance.variables["zddc_server_git_repo"],
        "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path / "molecule"),
        "NO_COLOR": "1",
        **AS_USERS,
    }
    (tmp_path / "collections").mkdir()
    said = [run("bash", "-ec", f"exec 2>&1\n{step}", cwd=folder, **environment) for step in steps]
    assert "varasys.zddc:0.1.0 was installed successfully" in said[1]
    for action in ("create", "converge", "idempotence", "verify", "destroy"):
        assert f"default > {action}: Executed: Successful" in said[3]
    assert "archive-test" not in [item.metadata.name for item in core.list_namespace().items]


def test_it_holds_what_users_need_and_nothing_else(installed: Installed) -> None:
    listing = run(*("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *SHIPPED, *KEPT), cwd=ROOT)
    wanted = {name for name in listing.split("\0") if name and (ROOT / name).is_file()}
    assert wanted >= {"LICENSE", "meta/runtime.yml", "playbooks/deploy.yml", "plugins/modules/rollout.py"}
    files = {str(path.relative_to(installed.folder)) for path in installed.folder.rglob("*") if not path.is_dir()}
    assert files == wanted | {"MANIFEST.json", "FILES.json"}


def test_it_names_the_collections_that_it_needs(installed: Installed) -> None:
    manifest = json.loads((installed.folder / "MANIFEST.json").read_text())["collection_info"]
    assert (manifest["namespace"], manifest["name"], manifest["license"]) == ("varasys", "zddc", ["GPL-3.0-or-later"])
    assert manifest["dependencies"] == {"kubernetes.core": ">=6.0.0,<7.0.0"}


def test_it_says_what_an_execution_environment_needs(installed: Installed) -> None:
    """The library that the modules ask for, and none of the releases that they refuse."""
    needs = yaml.safe_load((installed.folder / "meta/execution-environment.yml").read_text())["dependencies"]
    assert all((installed.folder / path).is_file() for path in needs.values())
    lines = (installed.folder / needs["python"]).read_text().splitlines()
    found = {one.name: one.specifier for one in map(Requirement, (line for line in lines if not line.startswith("#")))}
    pinned = {one.name: str(one.specifier)[2:] for one in map(Requirement, PINNED) if one.name in found}
    assert pinned.keys() == found.keys() and all(pinned[name] in found[name] for name in found)
    assert [*found["kubernetes"].filter(["24.1.0", "32.0.0", "35.0.0", "36.0.0", GOOD_CLIENT])] == [GOOD_CLIENT]


@pytest.mark.parametrize(("kind", "folder"), [("role", "roles"), ("module", "plugins/modules"), ("filter", "plugins/filter")])
def test_it_documents_itself(installed: Installed, kind: str, folder: str) -> None:
    paths = [path for path in (ROOT / folder).iterdir() if path.suffix in ("", ".py")]
    names = {f"varasys.zddc.{path.stem}" for path in paths if not path.name.startswith("_")}
    shown = json.loads(run("ansible-doc", "--type", kind, "--json", *names, cwd=installed.cwd, **installed.environment))
    assert shown.keys() == names
    for found in shown.values():
        if kind == "role":
            assert found["path"] == str(installed.folder)
            assert found["entry_points"]["main"]["options"]
        else:
            assert found["doc"]["filename"].startswith(str(installed.folder))
            assert found["doc"]["short_description"]
            assert found["examples"]


def inside(instance: Any) -> dict[str, str]:
    """Give the objects of the instance's namespace."""
    return {name: version for name, version in instance.objects().items() if not name.startswith("Namespace ")}


def test_it_deploys_and_removes(installed: Installed, instance: Any, play: Callable[..., Any]) -> None:
    before = inside(instance)
    arguments = ("varasys.zddc.deploy", "-e", "mode=prod", "-e", json.dumps(instance.variables))
    played = play(*arguments, cwd=installed.cwd, **installed.environment)
    assert (played.returncode, played.message) == (0, "")
    made = {"Service zddc-server-prod", "Deployment zddc-server-prod"}
    assert set(inside(instance)) - set(before) == made
    # Where the tasks lie that were run.
    assert str(installed.folder) in played.output
    assert str(ROOT / "roles") not in played.output

    played = play(*arguments, "-e", "zddc_server_state=absent", cwd=installed.cwd, **installed.environment)
    assert (played.returncode, played.message) == (0, "")
    assert inside(instance) == before


@pytest.mark.parametrize(
    ("cwd", "playbook"),
    [("{clone}", "playbooks/deploy.yml"), ("{clone}/playbooks", "deploy.yml"), ("/", "{clone}/playbooks/deploy.yml")],
    ids=["from the top", "from playbooks", "from elsewhere"],
)
def test_a_checkout_deploys_as_it_is(cwd: str, playbook: str, clone: Path, instance: Any, play: Callable[..., Any]) -> None:
    arguments = (playbook.format(clone=clone), "-e", "mode=dev", "-e", json.dumps(instance.variables), "--check")
    played = play(*arguments, cwd=Path(cwd.format(clone=clone)), **AS_USERS)
    assert (played.returncode, played.message) == (0, "")
    assert played.changed == 1
    assert str(clone) in played.output
