"""Formats that the profilers of TensorFlow and JAX write."""
