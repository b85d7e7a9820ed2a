"""CIFAR-10 and the ImageNet weights from the network. Uses foundation and q3_transfer.data."""
