"""Audio files in and out, streamed in blocks."""
