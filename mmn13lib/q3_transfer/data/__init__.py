"""Images: CIFAR-10 or the embedded sample, and their preprocessing. Uses foundation."""
