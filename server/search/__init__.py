"""From a query string to SQL."""
