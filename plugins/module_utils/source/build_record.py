# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a build says of itself: lines NAME=VALUE, beside the binary and as the last word of its container."""

from __future__ import annotations


def parse(text: str) -> dict[str, str]:
    """Values by name; empty for what is no record."""
    found = {name: value for name, sign, value in (line.partition("=") for line in text.splitlines()) if sign}
    return found if "commit" in found and "sha256" in found else {}
