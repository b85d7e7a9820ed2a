"""Question 1: a convolution layer. Uses foundation and writing."""
