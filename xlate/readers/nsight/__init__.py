"""Formats that Nsight Systems writes."""
