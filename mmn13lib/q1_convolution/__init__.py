"""Question 1: a convolution layer of our own, beside PyTorch's. Uses foundation and writing."""
