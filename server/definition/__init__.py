"""profiles/ and terminology/ as immutable objects."""
