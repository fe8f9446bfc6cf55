"""Records of one child that were kept as several: which were merged, and how their rows come together."""
