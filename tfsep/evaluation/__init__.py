"""Scores, baselines and reports."""
