"""The domain: identity, involvement and what a child's record must keep."""
