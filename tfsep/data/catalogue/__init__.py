"""Contributed multitracks: what is checked before they are taken in, and the SQLite catalogue that files them."""
