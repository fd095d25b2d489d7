"""Writes docs/evaluation.md from the sweeps in this folder: the paper's figures beside ours."""
