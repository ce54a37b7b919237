# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Job that unmounts. What else is rendered stands in tests/golden."""

from __future__ import annotations

import kubernetes_validate

from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.options import read
from ansible_collections.varasys.zddc.plugins.plugin_utils.instance.render import unmount_job

POD = {"name": "web-1", "uid": "0b7c2a52", "node": "worker-1", "mounts": ["data", "more"], "container": "server"}
FOLDER = "/var/lib/kubelet/pods/0b7c2a52/volumes/kubernetes.io~empty-dir"


def test_the_job_that_unmounts() -> None:
    options, _unfit = read({
        "zddc_server_name": "web", "zddc_server_namespace": "docs", "zddc_server_image": "mirror.example.org/alpine:3.22",
        "zddc_server_image_pull_secrets": ["registry"],
    })  # fmt: skip
    job = unmount_job(options, POD)
    kubernetes_validate.validate(job, "1.37", strict=True)
    metadata, pod = job["metadata"], job["spec"]["template"]["spec"]
    assert (metadata["name"], metadata["namespace"]) == ("unmount-0b7c2a52", "docs")
    # Neither a Service nor a count of the server's pods may select it.
    assert metadata["labels"] == job["spec"]["template"]["metadata"]["labels"] == {
        "app.kubernetes.io/name": "zddc-server-unmount", "app.kubernetes.io/instance": "web",
        "app.kubernetes.io/managed-by": "varasys.zddc",
    }  # fmt: skip
    assert (pod["nodeName"], pod["imagePullSecrets"]) == ("worker-1", [{"name": "registry"}])
    (container,), (volume,) = pod["containers"], pod["volumes"]
    assert (container["image"], container["env"]) == (
        "mirror.example.org/alpine:3.22", [{"name": "MOUNTS", "value": "data more"}],
    )  # fmt: skip
    assert volume["hostPath"] == {"path": FOLDER, "type": "Directory"}
