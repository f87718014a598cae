"""Formats that PyTorch's profiler writes."""
