"""Statutory files as input: each child in a file becomes a set of the domain's resources.

One module for each format and one for its rows; `write` puts the result through the door, and `report`
tells of it.
"""
