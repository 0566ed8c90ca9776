"""Recorded evals: run cases, score what came of them, compare."""
