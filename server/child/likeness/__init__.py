"""Likeness: how probable it is that two records are of one child."""
