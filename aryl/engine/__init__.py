"""Use cases over ports: the cycle, the ledger and the job lifecycle."""
