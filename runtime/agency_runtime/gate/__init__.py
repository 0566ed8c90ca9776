"""The permission gate: rules, modes, the pinned targets, and a judge of shell commands that reads every segment."""

from agency_runtime.gate.decision import Decision, Kind, Segment, Verdict
from agency_runtime.gate.gate import Gate
from agency_runtime.gate.modes import MODES, Mode, check_mode
from agency_runtime.gate.rules import Rule, Rules, parse_rule
from agency_tools.target import Target

__all__ = [
    "MODES",
    "Decision",
    "Gate",
    "Kind",
    "Mode",
    "Rule",
    "Rules",
    "Segment",
    "Target",
    "Verdict",
    "check_mode",
    "parse_rule",
]
