"""Images: CIFAR-10 or the sample, and their preprocessing. Uses foundation."""
