"""The validators: which apply to a file, what they say of it, and that an absent one is never a pass.

The checks run in a sandbox, by one process that stays warm (`Checker`). `inside/` is what runs there.
"""

from agency_tools.validators.checker import Checker
from agency_tools.validators.finding import SEVERITIES, Finding, Report, Severity, Validated

__all__ = ["SEVERITIES", "Checker", "Finding", "Report", "Severity", "Validated"]
