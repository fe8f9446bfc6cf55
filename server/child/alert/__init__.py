"""Alerts: what somebody has to know about a child, found in what the agencies write, as data."""
