# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An upgrade of prod, which rolls and has no privilege, is not noticed by who asks all the time."""

from __future__ import annotations

from typing import Any


def test_it_serves_all_the_time(stage: Any) -> None:
    (old,) = stage.pod_names()
    before = stage.served()
    with stage.restricted(), stage.asked(0.1) as answers:
        played = stage.deploy(git_ref="zddc-server-v0.0.7")
    assert (played.returncode, played.message) == (0, "")
    after = stage.served()
    assert [answer for answer in answers if answer not in (before, after)] == []
    assert (answers[0], answers[-1]) == (before, after)
    assert len(answers) > played.seconds
    (new,) = [pod.metadata.name for pod in stage.pods() if not pod.metadata.deletion_timestamp]
    assert new != old
