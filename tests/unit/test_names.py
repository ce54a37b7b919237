# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What has a name in Python has no other in a template or a task."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.varasys.zddc.plugins.module_utils import names
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance import pods

ROOT = Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles/zddc_server"
KEY = re.compile(r"(varasys\.zddc|app\.kubernetes\.io)/")
DOCUMENTED = re.compile(r'^(DOCUMENTATION|EXAMPLES|RETURN) = r""".*?"""', re.MULTILINE | re.DOTALL)


def set_by(*templates: str) -> set[str]:
    """The environment that templates set by name."""
    texts = ((ROLE / "templates" / name).read_text() for name in templates)
    return {name for text in texts for name in re.findall(r"^ *- \{?name: ([A-Z_]+)(?:,|$)", text, re.MULTILINE)}


def test_the_environment_of_the_server() -> None:
    assert set_by("deployment.yml.j2", "deployment/prod.yml.j2") == set(names.FIXED_ENV)
    mounter = set_by("deployment/dev.yml.j2", "containers/overlay.yml.j2", "containers/overlay_env.yml.j2")
    assert {"LOWER_DIR", "RUN_AS_USER"} <= mounter <= {*pods.MOUNTER_ENV, *names.ENVIRONMENT}


def test_the_environment_of_the_build() -> None:
    found = set_by("containers/builder.yml.j2")
    assert found and [name for name in found if not pods.RESERVED_BUILD_ENV.match(name)] == []


@pytest.mark.parametrize("folder", [ROOT / "plugins", ROLE / "tasks"], ids=lambda folder: folder.name)
def test_labels_and_annotations(folder: Path) -> None:
    paths = [path for path in folder.rglob("*") if path.suffix in (".py", ".yml") and path.name != "names.py"]
    assert paths
    assert [path.name for path in paths if KEY.search(DOCUMENTED.sub("", path.read_text()))] == []
