"""What is done when nobody waits for it."""
