"""Whole populations compared at once: which records of which files are of one child."""
