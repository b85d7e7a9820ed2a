"""What ``mmn13 bench`` measures and the chapters show. Uses the three questions."""
