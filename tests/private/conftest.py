# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A namespace with a private git server: over SSH for one key, over TLS of a CA of its own for one password."""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import yaml
from stage import Stage

HERE = Path(__file__).parent
SSH, HTTPS, PROXY = 30451, 30452, 30453


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command, and give what it prints."""
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, timeout=60).stdout


def make_keys(folder: Path, address: str) -> None:
    """Make the keys of the server and of who may come in, a stranger's, a CA, and a certificate of it for the address."""
    for name in ("host-key", "key", "strange-key"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name, cwd=folder)
    new = ("-newkey", "rsa:2048", "-nodes")
    run(
        "openssl",
        "req",
        "-x509",
        *new,
        "-days",
        "2",
        "-subj",
        "/CN=private CA",
        "-keyout",
        "ca.key",
        "-out",
        "ca.crt",
        cwd=folder,
    )
    run("openssl", "req", *new, "-subj", "/CN=git", "-keyout", "tls.key", "-out", "tls.csr", cwd=folder)
    (folder / "san").write_text(f"subjectAltName=IP:{address}\n")
    sign = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "san")
    run("openssl", "x509", "-req", "-in", "tls.csr", "-out", "tls.crt", *sign, cwd=folder)
    for name in ("host-key", "strange-key"):
        public = (folder / f"{name}.pub").read_text()
        (folder / f"known-by-{name}").write_text(f"[{address}]:{SSH} {public}")


class Private(Stage):
    """The namespace, with what leads to its git server."""

    folder: Path
    password: str
    played: list[str]

    @property
    def address(self) -> str:
        """Give the address of the node."""
        return self.url.split("/")[2].split(":")[0]

    @property
    def by_ssh(self) -> dict[str, Any]:
        """Give the variables that lead to it over SSH."""
        return {"git_repo": f"ssh://git@{self.address}:{SSH}/srv/git/zddc.git", "git_ssh": {"secret": "deploy-key"}}

    @property
    def by_https(self) -> dict[str, Any]:
        """Give the variables that lead to it over HTTPS."""
        return {
            "git_repo": f"https://{self.address}:{HTTPS}/zddc.git",
            "git_token": {"secret": "git-token"},
            "ca_bundle": {"config_map": "private-ca"},
        }

    @property
    def controller(self) -> dict[str, str]:
        """Give how git on the controller is set up: it has the rights of who deploys."""
        known = f"-o UserKnownHostsFile={self.folder}/known-by-host-key"
        (self.folder / "password").write_text(self.password)
        helper = f'!f() {{ echo username=builder; echo "password=$(cat {self.folder}/password)"; }}; f'
        return {
            "GIT_SSH_COMMAND": f"ssh -F none -i {self.folder}/key {known}",
            "GIT_SSL_CAINFO": f"{self.folder}/ca.crt",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"credential.https://{self.address}:{HTTPS}.helper",
            "GIT_CONFIG_VALUE_0": helper,
            "no_proxy": self.address,
        }

    def tried(self, *arguments: str, **variables: Any) -> Any:
        """Deploy main, with every line that Ansible can say."""
        main = {"git_ref": "main", "allow_mutable_ref": True, "git_timeout": 20, "failures_dir": f"{self.folder}/failures"}
        env = self._variables["zddc_server_build_env"] | variables.get("build_env", {})
        given = {**main, **variables, "build_env": env}
        played = self.deploy("-vvv", "--diff", *arguments, environment=self.controller, **given)
        self.played.append(played.output)
        return played

    def everything(self) -> dict[str, str]:
        """Give all that is in the namespace but its Secrets, all logs, and all that was said and kept."""
        client, found = self.core.api_client, {}
        core, apps = self.core, self.apps
        for name, listed in {
            "pods": core.list_namespaced_pod, "configmaps": core.list_namespaced_config_map,
            "events": core.list_namespaced_event, "deployments": apps.list_namespaced_deployment,
            "replicasets": apps.list_namespaced_replica_set, "jobs": self.batch.list_namespaced_job,
            "policies": self.networking.list_namespaced_network_policy,
        }.items():  # fmt: skip
            found[name] = yaml.safe_dump(client.sanitize_for_serialization(listed(self.namespace)))
        for pod in core.list_namespaced_pod(self.namespace).items:
            for container in [*(pod.spec.init_containers or []), *pod.spec.containers]:
                name = f"{pod.metadata.name} {container.name}"
                try:
                    found[name] = "\n".join(self.log(pod.metadata.name, container.name))
                except kubernetes.client.ApiException as error:
                    if error.status != 400:  # it has not started
                        raise
        kept = [path for path in (self.folder / "failures").rglob("*") if path.is_file()]
        found |= {str(path): path.read_text() for path in kept}
        return found | {f"play {number}": text for number, text in enumerate(self.played)}

    def credentials(self) -> dict[str, str]:
        """Give what nobody may see, in the forms that it may take."""
        encoded = {
            form: base64.b64encode(text.encode()).decode().rstrip("=")
            for form, text in {"base64": self.password, "basic": f"builder:{self.password}"}.items()
        }
        found = {"password": self.password, **encoded}
        for name in ("key", "strange-key"):
            lines = (self.folder / name).read_text().splitlines()[1:-1]
            # The first line is much the same for every key.
            found |= {f"{name} {number}": line for number, line in enumerate(lines) if number}
            found[f"{name} base64"] = base64.b64encode((self.folder / name).read_bytes()).decode()[200:260]
        return found

    def proxied(self) -> int:
        """Tell how many tunnels the proxy has made to the git server."""
        (pod,) = self.core.list_namespaced_pod(self.namespace, label_selector="app.kubernetes.io/name=git-server").items
        return sum(line.endswith(f"CONNECT {self.address}:{HTTPS}") for line in self.log(pod.metadata.name, "https"))

    def make_server(self) -> None:
        """Make the git server private, and make what leads to it."""
        make_keys(self.folder, self.address)

        def texts(**files: Path) -> dict[str, str]:
            return {key.replace("__", ".").replace("_", "-"): path.read_text() for key, path in files.items()}

        def secret(name: str, **data: str) -> None:
            self.core.create_namespaced_secret(self.namespace, {"metadata": {"name": name}, "stringData": data})

        folder = self.folder
        secret(
            "git-server-private",
            **texts(host_key=folder / "host-key", authorized_keys=folder / "key.pub", server__go=HERE / "server.go"),
            **texts(tls__crt=folder / "tls.crt", tls__key=folder / "tls.key"),
            sshd_config=(HERE / "sshd_config").read_text(),
            password=self.password,
            passwd="git:*:65532:65532::/tmp:/bin/sh\n",
        )
        known, strange = ((folder / f"known-by-{name}").read_text() for name in ("host-key", "strange-key"))
        secret("deploy-key", **{"ssh-privatekey": (folder / "key").read_text()}, known_hosts=known)
        secret("strange-key", identity=(folder / "strange-key").read_text(), known_hosts=known)
        secret("git-token", username="builder", password=f"{self.password}\n")
        secret("strange-token", username="builder", token=f"not-{self.password[4:]}")
        secret("proxy", url=f"http://ada:{self.password}@{self.address}:{PROXY}")
        for name, data in {
            "private-ca": {"ca.crt": (folder / "ca.crt").read_text()},
            "strange-hosts": {"hosts": strange},
            "machine-ca": {"bundle.pem": Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")).read_text()},
        }.items():
            self.core.create_namespaced_config_map(self.namespace, {"metadata": {"name": name}, "data": data})

        servers = yaml.safe_load((HERE / "servers.yml").read_text())
        for container in servers["deployment"]["spec"]["template"]["spec"]["containers"]:
            container["image"] = self.variables()["zddc_server_build_image"]
        self.apps.patch_namespaced_deployment("git-server", self.namespace, servers["deployment"])
        self.core.patch_namespaced_service("git-server", self.namespace, servers["service"])

        def counted() -> tuple[Any, ...]:
            found = self.apps.read_namespaced_deployment("git-server", self.namespace)
            status = found.status
            known = status.observed_generation == found.metadata.generation
            return known, status.replicas, status.updated_replicas, status.available_replicas

        self.until(counted, equals=(True, 1, 1, 1), seconds=240)
        # It is another pod, with an empty repository, which some of the cluster may not know of yet.
        self.until(self.git_answers)
        self.push("reset")


@pytest.fixture(scope="package", name="private")
def private_fixture(prepare: Callable[..., Any], play: Callable[..., Any], tmp_path_factory: Any) -> Iterator[Private]:
    """Make the namespace, its git server and the volume of the cache."""
    stage = Private(prepare("private", 30450), play, 30454, build_cache="own", build_cache_storage_class="tests")
    stage.folder, stage.password, stage.played = tmp_path_factory.mktemp("private"), f"pw-{secrets.token_hex(12)}", []
    stage.make_server()
    volume = stage.volume(f"{Stage.name}-build-cache", "0755")
    try:
        yield stage
        stage.deploy(playbook="remove")
    finally:
        stage.remove_volume(volume)
