"""Resources taken out for good: every version, everything that finds them, and every trace of them."""
