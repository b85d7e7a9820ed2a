"""Networks: the frozen backbone, the small one, and what they cost. Uses data."""
