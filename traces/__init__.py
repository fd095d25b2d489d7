"""Reads, writes and generates workload traces and demand series."""
