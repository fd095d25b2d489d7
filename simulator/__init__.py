"""Replays traces in virtual time with the very policy code that schedules for real."""
