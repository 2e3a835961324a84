"""Supervised training of a generator."""
