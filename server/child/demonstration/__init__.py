"""A demonstration authority of three hundred invented children: for the same day always the same ones."""
