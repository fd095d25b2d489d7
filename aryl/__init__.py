"""Aryl: lends idle inference servers to training jobs and takes them back gently."""
