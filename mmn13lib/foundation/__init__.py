"""Errors, settings, files, keys, hardware: what everything else may use. Uses nothing."""
