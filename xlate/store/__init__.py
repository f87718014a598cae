"""Fitted models on disk: bundles, their manifests, and what is checked on load."""
