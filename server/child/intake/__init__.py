"""Statutory files as input: each child in a file becomes a set of the domain's resources.

`source` reads, one module per format maps, `write` puts the result through the door, `report` tells.
"""
