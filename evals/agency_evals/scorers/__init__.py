"""Scorers: functions of a finished attempt, one kind a file. What cannot be judged is unscored, never passed."""

from agency_evals.scorers.judging import score_all

__all__ = ["score_all"]
