"""Use cases over ports: the cycle and the job lifecycle."""
