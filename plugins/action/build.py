# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs the module of the same name, and shows its progress while it runs, as for a rollout."""

from __future__ import annotations

from ansible_collections.varasys.zddc.plugins.action.rollout import ActionModule

__all__ = ["ActionModule"]
