"""Code systems as their publishers give them out, read and brought into the tables."""
