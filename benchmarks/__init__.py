"""Measurements: one module for each benchmark, run by `mmn13 bench`."""
