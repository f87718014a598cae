"""Formats that AMD's rocprof writes."""
