"""Exporters of trained models, installed as `tfsep_export`."""
