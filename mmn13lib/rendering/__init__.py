"""Chapters to documents, by Quarto or by the built-in engine. Uses all below submission."""
