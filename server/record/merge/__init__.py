"""Records of one child that were kept as several are brought together, and taken apart again."""
