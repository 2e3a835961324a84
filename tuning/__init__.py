"""Architecture search, installed as `tfsep_tuning`."""
