"""The handoff: what a run reports, judged against what ran, and the files that other specialists read."""

from agency_runtime.handoff.claimed import Claimed, Item, Verdict
from agency_runtime.handoff.end_check import EndCheck
from agency_runtime.handoff.evidence import judge
from agency_runtime.handoff.files import HandoffPaths, write_handoff
from agency_runtime.handoff.report import HandoffReport

__all__ = ["Claimed", "EndCheck", "HandoffPaths", "HandoffReport", "Item", "Verdict", "judge", "write_handoff"]
