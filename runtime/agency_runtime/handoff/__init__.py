"""The handoff: what a run reports, judged against what ran, and the files that other specialists read."""

from agency_runtime.handoff.evidence import Claimed, Verdict, judge
from agency_runtime.handoff.files import HandoffPaths, write_handoff
from agency_runtime.handoff.report import HandoffReport

__all__ = ["Claimed", "HandoffPaths", "HandoffReport", "Verdict", "judge", "write_handoff"]
