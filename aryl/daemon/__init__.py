"""The scheduler as a process: when it looks, who leads, and how it meets a live cluster."""
