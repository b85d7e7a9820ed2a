"""Question 2: the backward pass, derived, proven and checked. Uses question 1's layer."""
