"""What each path answers: parse, ask, shape."""
