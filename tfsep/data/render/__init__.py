"""Multitracks made out of samples, MIDI performances and synthesisers."""
