"""Sources of multitracks and of unpaired recordings, and how training mixes them."""
