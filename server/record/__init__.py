"""The one door: permit, validate, index, store, tell."""
