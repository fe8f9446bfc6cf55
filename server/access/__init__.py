"""Who may ask for what, as search queries."""
