"""The authorization server, in OAuth's own words."""
