"""`aryl sim sweep`: a grid of runs, each run once, on one machine or on a Ray cluster."""
