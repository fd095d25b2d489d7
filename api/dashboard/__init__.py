"""The dashboard: live pages about everything that the API tells, for people."""

from api.dashboard.mounting import mount

__all__ = ["mount"]
