# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Names that the role, its modules and the pods share, each written once."""

from __future__ import annotations

PREFIX = "zddc_server_"
"""How the names of the role's variables begin."""
