# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Nothing is built but what a trusted signer has signed, on the cluster."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from signing import Keys, signing

STRANGER = "Find out who signed it, and trust that key only if its owner may release what runs here."


@pytest.fixture(scope="module", name="keys")
def keys_fixture(deployed: Any) -> Iterator[Keys]:
    """Make keys, files that trust them, and tags of the cluster's repository at the release 0.0.7."""
    with signing() as keys:
        keys.run("git", "clone", "--quiet", deployed.repository, str(keys.repo))
        for name in ("ada", "eve"):
            (keys.folder / name).with_suffix(".allowed").write_text(keys.allowed(name))
            keys.git("tag", "-s", "-m", name, f"signed-by-{name}", "zddc-server-v0.0.7^{commit}", ssh=name)
        keys.git("push", "--quiet", "origin", "signed-by-ada", "signed-by-eve")
        yield keys
        keys.git("push", "--quiet", "--delete", "origin", "signed-by-ada", "signed-by-eve")


def by(keys: Keys, name: str) -> dict[str, Any]:
    """Give the variable that trusts one of them, and nobody else."""
    return {"trusted_signers": {"file": str((keys.folder / name).with_suffix(".allowed"))}}


def unchanged(site: Any, before: dict[str, str], played: Any, message: str) -> None:
    """See that a deploy was refused with this message, and that nothing was touched: no build either."""
    assert (played.returncode, played.message) == (2, message)
    assert site.objects() == before


@pytest.mark.parametrize(
    ("ref", "why"),
    [
        ("zddc-server-v0.0.6", "is a lightweight tag, which cannot be signed. "
         "Nothing was changed. Have it created with git tag --sign, or name another."),
        ("zddc-server-v0.0.7", "is not signed. Nothing was changed. "
         "Have it signed (git tag --sign), or name one that is signed."),
        ("signed-by-eve", f"is signed with {{eve}}, which belongs to none of these signers. Nothing was changed. {STRANGER}"),
    ],
    ids=["without a signature of its own", "unsigned", "a stranger's"],
)  # fmt: skip
def test_a_tag_that_no_trusted_signer_has_signed(site: Any, keys: Keys, ref: str, why: str) -> None:
    before = site.objects()
    played = site.deploy(git_ref=ref, **by(keys, "ada"))
    said = why.format(eve=keys.fingerprint("eve"))
    unchanged(site, before, played, f"zddc_server_trusted_signers: the tag {ref!r} of {site.repository} {said}")


def test_a_commit_of_dev_that_no_trusted_signer_has_signed(site: Any, keys: Keys) -> None:
    before, commit = site.objects(), keys.git("rev-parse", "origin/main")
    played = site.deploy_dev(build_cache="none", **by(keys, "ada"))
    said = "is not signed. Nothing was changed. Have it signed (git commit --gpg-sign), or name one that is signed."
    unchanged(site, before, played, f"zddc_server_trusted_signers: commit {commit} (main) of {site.repository} {said}")
    assert not site.pods("zddc-server-dev")


def test_a_release_that_a_trusted_signer_has_signed(site: Any, keys: Keys) -> None:
    commit, ada = keys.git("rev-parse", "signed-by-ada^{commit}"), f"ada@example.org, {keys.fingerprint('ada')}"
    played = site.deploy(git_ref="signed-by-ada", **by(keys, "ada"))
    assert played.message == ""
    assert (played.returncode, site.served()) == (0, commit)
    assert f"signed-by-ada, commit {commit}, is signed by {ada}." in played.messages
    assert site.deployment().metadata.annotations["varasys.zddc/signed-by"] == ada
    before = site.objects()
    for arguments in ([], ["--check"]):
        played = site.deploy(*arguments, git_ref="signed-by-ada", **by(keys, "ada"))
        assert (played.returncode, played.changed, site.objects()) == (0, 0, before)


def test_other_signers_start_no_pod_anew(site: Any, keys: Keys) -> None:
    (keys.folder / "both.allowed").write_text(keys.allowed("ada", "eve"))
    pods = site.servers()
    for name in ("both", "ada"):
        played = site.deploy(git_ref="signed-by-ada", **by(keys, name))
        assert (played.returncode, played.message, played.changed > 0, site.servers()) == (0, "", True, pods)


def test_while_the_repository_cannot_be_read(site: Any, keys: Keys) -> None:
    ref, commit = "signed-by-ada", site.served()
    with site.without_git():
        before = site.objects()
        played = site.deploy(git_ref=ref, **by(keys, "ada"))
        assert (played.returncode, played.message, played.changed, site.objects()) == (0, "", 0, before)
        # What these signers have to say of it cannot be known.
        played = site.deploy(git_ref=ref, **by(keys, "eve"))
        unchanged(
            site, before, played,
            f"zddc_server_trusted_signers: {ref!r} at commit {commit} was not checked with these signers when it was deployed. "
            f"Nothing was changed. Deploy it while the repository can be read, which checks it: -e zddc_server_git_ref={ref}",
        )  # fmt: skip


def test_keys_of_openpgp_in_a_config_map(site: Any, keys: Keys, tmp_path: Path) -> None:
    if not shutil.which("gpg"):
        pytest.skip("there is no gpg on this machine, which OpenPGP's signatures need")
    key = keys.make_openpgp("gin <gin@example.org>")
    keys.git("tag", "-s", "-m", "by OpenPGP", "signed-by-gin", "zddc-server-v0.0.7^{commit}", openpgp=key)
    keys.git("push", "--quiet", "origin", "signed-by-gin")
    data = {"who": keys.allowed("ada") + keys.run("gpg", "--armor", "--export", key) + "\n"}
    site.core.create_namespaced_config_map(site.namespace, {"metadata": {"name": "signers"}, "data": data})
    signers = {"config_map": "signers", "key": "who"}
    played = site.deploy(git_ref="signed-by-gin", trusted_signers=signers)
    assert (played.returncode, played.message) == (0, "")
    assert site.deployment().metadata.annotations["varasys.zddc/signed-by"] == f"gin <gin@example.org>, OpenPGP key {key}"
    rendered = site.deploy("-e", f"folder={tmp_path}", playbook="render", git_ref="signed-by-gin", trusted_signers=signers)
    assert (rendered.returncode, rendered.message) == (0, "")
    assert key in (tmp_path / site.namespace / site.name / "deployment.yaml").read_text()
    # The way back is to what these have signed.
    before, ada = site.objects(), "signed-by-ada"
    played = site.deploy(playbook="rollback", trusted_signers=signers)
    unchanged(
        site, before, played,
        f"zddc_server_trusted_signers: {ada!r} at commit {site.served()} was not checked with these signers when it was "
        f"deployed. Nothing was changed. Deploy it while the repository can be read, which checks it: "
        f"-e zddc_server_git_ref={ada}",
    )  # fmt: skip
    played = site.deploy("--check", playbook="rollback", **by(keys, "ada"))
    assert (played.returncode, played.message, site.objects()) == (0, "", before)


def test_the_way_back_to_no_signature(site: Any) -> None:
    """The instance is left as it was."""
    played = site.deploy()
    assert (played.returncode, played.message) == (0, "")
    assert "varasys.zddc/signed-by" not in site.deployment().metadata.annotations
