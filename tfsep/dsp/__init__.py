"""Signal processing in NumPy (inference) and `keras.ops` (training)."""
