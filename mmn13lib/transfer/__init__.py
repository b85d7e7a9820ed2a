"""Question 3: transfer learning on CIFAR-10."""
