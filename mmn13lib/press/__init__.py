"""Turns the chapters into documents: HTML and PDF."""
