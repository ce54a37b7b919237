# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs the module of the same name, in the controller's own process if possible."""

from __future__ import annotations

from ansible_collections.varasys.zddc.plugins.module_utils.compare.plan import ARGUMENT_SPEC, look
from ansible_collections.varasys.zddc.plugins.plugin_utils.in_process import InProcess


class ActionModule(InProcess):
    argument_spec = ARGUMENT_SPEC
    work = staticmethod(look)
