"""Generators: subclassed Keras models built from frozen configurations."""
