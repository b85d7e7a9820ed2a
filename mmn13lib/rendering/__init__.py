"""Chapters to documents, by Quarto or by the embedded engine. Uses all below submission."""
