"""Question 3: transfer learning on CIFAR-10, from the data to the answer, room by room."""
