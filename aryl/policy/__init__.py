"""Decisions: pure functions from a snapshot to a plan."""
