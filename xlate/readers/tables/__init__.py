"""Profiles as tables: csv and parquet, and their checks."""
