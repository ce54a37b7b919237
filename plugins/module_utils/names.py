# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Names that the role, its modules and the pods share, each written once."""

from __future__ import annotations

import re

PREFIX = "zddc_server_"
"""Prefix of the role's variables."""
FIELD_MANAGER = "varasys.zddc"
OWN = "varasys.zddc/"
"""Prefix of the role's own labels and annotations."""

# Labels. The first two are the charts' selector, so that an instance can take over one of their releases.
NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
MANAGED_BY = "app.kubernetes.io/managed-by"
MODE = f"{OWN}mode"
BUILD_CACHE = f"{OWN}build-cache"

# Annotations of the pods: what they are built from.
GIT_REPO, GIT_REF, GIT_COMMIT = f"{OWN}git-repo", f"{OWN}git-ref", f"{OWN}git-commit"
BUILD_IMAGE, BUILD_FLAGS = f"{OWN}build-image", f"{OWN}build-flags"
PASSWD = f"{OWN}passwd"
DEPLOYED = f"{OWN}deployed"
# Annotations of the Deployment: who signed the source, and who was trusted then.
SIGNED_BY, TRUSTED_SIGNERS = f"{OWN}signed-by", f"{OWN}trusted-signers"
# Annotations of a record: how its revision ended, why it failed, and who applied it.
RESULT, CAUSE, BY = f"{OWN}result", f"{OWN}cause", f"{OWN}by"
SERVED, FAILED, UNFINISHED = "served", "failed", "unfinished"

ENVIRONMENT = {
    "ZDDC_ROOT": "root",
    "ZDDC_ADDR": "addr",
    "ZDDC_EMAIL_HEADER": "email_header",
    "ZDDC_CORS_ORIGIN": "cors_origins",
    "ZDDC_LOG_LEVEL": "log_level",
    "ZDDC_INDEX_PATH": "index_path",
}
"""The server's environment, each name with the variable that gives its value."""
FIXED_ENV = ("ZDDC_TLS_CERT", "ZDDC_INSECURE_DIRECT")
"""Names in the server's environment that the template sets."""

SECRET_VALUE = re.compile("://[^/@,|]+@")
"""A user in a URL has a password, or is a token."""
SECRET_NAME = re.compile("(?i)token|passw|secret")
NAME_OF_A_PATH = re.compile(r"(?i)(file|dir|path)\Z")
"""A name with this ending is that of a path."""


def secret(name: str, value: str) -> bool:
    """Check whether a value in an environment is a password or a token, by the value or by its name."""
    return bool(SECRET_VALUE.search(value) or (SECRET_NAME.search(name) and not NAME_OF_A_PATH.search(name)))
