# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What `render` writes, and what it leaves."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
INGRESS = {"guarded_elsewhere": True, "ingress_enabled": True, "ingress_hosts": [{"host": "zddc.example.org"}]}


def files(folder: Path) -> dict[str, tuple[str, int]]:
    """Give text and mode of every file below a folder, by its path."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.read_text(), path.stat().st_mode & 0o777) for path in found}


def test_the_same_input_gives_the_same_files(run: Callable[..., Any], greeting: dict[str, Any], tmp_path: Path) -> None:
    one = run("render", "-e", f"commit={COMMIT}", "-e", "kubernetes_version=1.34", extra_objects=[greeting], **INGRESS)
    assert (one.returncode, one.message) == (0, "")
    names = ["deployment", "extra-configmap-greeting", "ingress", "service"]
    first = files(tmp_path / "manifests")
    assert sorted(first) == [f"default/zddc-server-prod/{name}.yaml" for name in names]
    assert {mode for _text, mode in first.values()} == {0o644}
    assert COMMIT in first["default/zddc-server-prod/deployment.yaml"][0]
    again = run("render", "-e", f"commit={COMMIT}", extra_objects=[greeting], **INGRESS)
    assert (again.returncode, again.changed) == (0, 0)
    elsewhere = run("render", "-e", f"commit={COMMIT}", "-e", f"folder={tmp_path}/b", extra_objects=[greeting], **INGRESS)
    assert elsewhere.returncode == 0
    assert files(tmp_path / "manifests") == files(tmp_path / "b") == first


def test_what_is_not_wanted_any_more_goes_and_files_of_others_stay(run: Callable[..., Any], tmp_path: Path) -> None:
    commit = ("-e", f"commit={COMMIT}")
    assert run("render", *commit, **INGRESS).returncode == 0
    folder = tmp_path / "manifests/default/zddc-server-prod"
    (folder / "theirs.yaml").write_text("kind: Kustomization\n")
    before = files(folder)
    checked = run("render", "--check", *commit)
    assert (checked.returncode, checked.changed, files(folder)) == (0, 1, before)
    assert run("render", *commit).changed == 1
    assert before.keys() - files(folder).keys() == {"ingress.yaml"}

    mark = (folder / "service.yaml").read_text().partition("\n")[0]
    (folder / "ingress.yaml").write_text(f"kind: Ingress\n{mark}\n")
    before = files(folder)
    refused = run("render", *commit, **INGRESS)
    assert (refused.returncode, refused.message) == (
        2,
        f"{folder}/ingress.yaml: not written by a rendering, so it is not overwritten. Nothing was changed. Move it away, "
        "or name another folder.",
    )
    assert files(folder) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"commit": "main"},
            "commit is 'main': give a full commit, 40 or 64 hexadecimal digits, or leave it out.",
        ),
        (
            {"commit": COMMIT, "kubernetes_version": "1.12"},
            "kubernetes_version is '1.12', and the schemas of kubernetes-validate are 1.25 to 1.37. Name one of these, or "
            "install a newer kubernetes-validate.",
        ),
        (
            {"commit": COMMIT, "zddc_server_expected_commit": "1" * 40},
            f"commit is {COMMIT}, but zddc_server_expected_commit is {'1' * 40}. Nothing was written. Leave commit out, or give "
            "the expected one.",
        ),
        (
            {"commit": COMMIT, "zddc_server_trusted_signers": {"file": "/signers"}},
            f"commit is {COMMIT}, and zddc_server_trusted_signers is set, but the signature of a given commit is not checked. "
            "Nothing was written. Leave commit out, so that the ref is resolved and its signature checked.",
        ),
    ],
)
def test_it_refuses(run: Callable[..., Any], tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    refused = run("render", "-e", json.dumps(arguments))
    assert (refused.returncode, refused.message) == (2, message)
    assert not (tmp_path / "manifests").exists()


def test_check_mode_writes_nothing(run: Callable[..., Any], tmp_path: Path) -> None:
    checked = run("render", "--check", "--diff", "-e", f"commit={COMMIT}")
    assert (checked.returncode, checked.message, checked.changed) == (0, "", 1)
    assert not (tmp_path / "manifests").exists()


def test_it_asks_no_cluster_for_a_commit_that_was_deployed(play: Callable[..., Any], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = {"server": f"http://127.0.0.1:{listener.getsockname()[1]}"}
        config = {"clusters": [{"name": "there", "cluster": server}], "users": [{"name": "me", "user": {}}]}
        config |= {"contexts": [{"name": "it", "context": {"cluster": "there", "user": "me"}}], "current-context": "it"}
        (tmp_path / "kubeconfig").write_text(json.dumps(config))
        given = {
            "zddc_server_kubeconfig": str(tmp_path / "kubeconfig"),
            # Nobody answers there; a full commit needs no answer.
            "zddc_server_git_repo": "git://127.0.0.1:1/zddc.git",
            "zddc_server_git_ref": COMMIT,
        }
        played = play("playbooks/render.yml", "-e", json.dumps(given), PWD=str(tmp_path))
        assert (played.returncode, played.message) == (0, "")
        asked, _write, _error = select.select([listener], [], [], 0)
    assert not asked and len(files(tmp_path / "manifests")) == 2
