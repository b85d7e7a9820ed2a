"""Training: the loops of the head and of the small network. Uses data and models."""
