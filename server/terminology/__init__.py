"""Codes: what they mean and which are allowed."""
