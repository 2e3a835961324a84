"""Multitracks packed into sharded TFRecords, for data that fits neither into memory nor well onto a local disk."""
