"""A child's family and household: as data, and drawn."""
