"""The audit in sealed chains: what was done cannot be altered unseen."""
