"""Whoever needs to know of a change is told of it: topics, subscriptions, events, notifications."""
