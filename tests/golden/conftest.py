# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every case, rendered once: what playbooks/render.yml writes, and the Job that a deploy makes, under a name of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.varasys.zddc.plugins.module_utils.manifest import as_yaml
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.files import MARK
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.options import read
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.render import Source, build_job, file_names, manifests
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.rules import problems

CASES: dict[str, dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases.yml").read_text())
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="session", name="rendered")
def render(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a folder for each case, and with the Jobs of those that have one in `jobs`."""
    out = tmp_path_factory.mktemp("golden")
    (out / "jobs").mkdir()
    for case, variables in CASES.items():
        # Those that open a door name nobody who may come in.
        write(out, case, {"zddc_server_guarded_elsewhere": True, **variables})
    return out


def write(out: Path, case: str, variables: dict[str, Any]) -> None:
    """Write the manifests of a case, and its Job."""
    options, unfit = read(variables)
    assert [*unfit, *problems(options)] == []
    found = manifests(options, Source(COMMIT))
    (out / case).mkdir()
    for name, definition in zip(file_names(options), found, strict=True):
        (out / case / name).write_text(f"{MARK}\n{as_yaml(definition, sort_keys=False)}")
    if options.build_cache != "none":
        deployment = next(item for item in found if item["kind"] == "Deployment")
        job = build_job(options, deployment)
        job["metadata"]["name"] = "build"
        (out / "jobs" / f"{case}.yaml").write_text(as_yaml(job, sort_keys=False))
