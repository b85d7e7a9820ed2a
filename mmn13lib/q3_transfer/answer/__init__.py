"""What the chapter says of the results: comparison, figures, tables. Uses all rooms beside it."""
