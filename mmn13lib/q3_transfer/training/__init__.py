"""Training: one loop, the head, the small network, the BatchNorm trap. Uses data and models."""
