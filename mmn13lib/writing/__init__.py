"""Code, tables, figures and numbers as the chapters print them. Uses foundation."""
