# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The README's table of Helm's commands, and the playbooks: each row and each playbook has a test on the cluster that runs it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TRIED = {
    "`helm install zddc-server-prod helm/zddc-server-prod/ -f my-prod-values.yaml`": "molecule/prod/verify.yml",
    "`helm install zddc-server-dev helm/zddc-server-dev/ -f my-dev-values.yaml`": "molecule/dev/verify.yml",
    "`helm upgrade`, dev: rebuild from the newest `main`": "molecule/dev/verify.yml",
    "`helm upgrade`, prod: another tag": "tests/deploy/test_history.py::test_every_revision_is_recorded_and_comes_back",
    "`helm history`, `helm rollback`": "tests/deploy/test_history.py::test_every_revision_is_recorded_and_comes_back",
    "`helm upgrade --rollback-on-failure`": "tests/deploy/test_history.py::test_a_failed_revision_goes_back",
    "`helm upgrade --dry-run`, `helm diff`": "tests/deploy/test_changes.py::test_a_hand_edit_is_reported_and_taken_back",
    "`helm template`": "molecule/operate/verify.yml",
    "`helm upgrade --wait`": "tests/rollout/test_lines.py::test_a_rollout",
    "`helm lint`, `values.schema.json`": "molecule/operate/verify.yml",
    "`helm status`, `helm list`": "tests/deploy/test_status.py::test_what_runs",
    "`helm test`": "tests/deploy/test_status.py::test_the_server_does_what_it_should",
    "`helm uninstall`": "tests/deploy/test_changes.py::test_a_removal_takes_the_instance_alone",
    "a release that is installed already": "tests/migrate/test_migrate.py::test_prod",
}
PLAYBOOKS = {
    "changes": "tests/deploy/test_deployer.py::test_who_may_not_look_into_dev",
    "cluster": "tests/collection/test_installed.py::test_the_workflow_of_the_example",
    "demo": "tests/demo/test_demo.py::test_it_shows_both_modes_and_keeps_their_pods",
    "migrate": "tests/migrate/test_migrate.py::test_prod",
    **dict.fromkeys(
        ("history", "lint", "remove", "render", "rollback", "status", "stop", "verify"), "molecule/operate/verify.yml"
    ),
    "deploy": "molecule/default/converge.yml",
}


def exists(where: str) -> bool:
    """Tell whether there is such a test, or such a playbook of a scenario."""
    path, _, name = where.partition("::")
    text = (ROOT / path).read_text()
    return not name or name in [item.name for item in ast.parse(text).body if isinstance(item, ast.FunctionDef)]


def test_the_table_of_commands() -> None:
    table = (ROOT / "README.md").read_text().partition("| Helm | here |\n")[2].partition("\n\n")[0]
    assert [row.split(" | ")[0].removeprefix("| ") for row in table.splitlines()[1:]] == list(TRIED)


def test_every_playbook() -> None:
    assert {path.stem for path in (ROOT / "playbooks").glob("[!_]*.yml")} == set(PLAYBOOKS)
    imported = re.findall(r"playbooks/(\w+)\.yml", (ROOT / "molecule/operate/verify.yml").read_text())
    assert {name for name, where in PLAYBOOKS.items() if where == "molecule/operate/verify.yml"} <= set(imported)


@pytest.mark.parametrize("where", sorted({*TRIED.values(), *PLAYBOOKS.values()}))
def test_it_is_there(where: str) -> None:
    assert exists(where)
