"""Drums of a song: every hit found in the drum stem, with its time, class and velocity."""
