# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One namespace for these tests, and one instance in it that every test leaves as it was: prod, at release 0.0.6."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from stage import Stage


@pytest.fixture(scope="package", name="namespace")
def namespace_fixture(prepare: Callable[..., Any]) -> Any:
    """Give a namespace in which a deploy succeeds."""
    return prepare("deploy", 30426)


@pytest.fixture(scope="package", name="deployed")
def deployed_fixture(namespace: Any, play: Callable[..., Any]) -> Stage:
    """Deploy the instance."""
    stage = Stage(namespace, play, 30445)
    played = stage.deploy()
    assert (played.returncode, played.message) == (0, "")
    return stage


@pytest.fixture(name="stage")
def stage_fixture(deployed: Stage) -> Stage:
    """Give the namespace with the instance in it."""
    return deployed
