"""The package behind the report: a package for each question, and those that they share."""
