"""Hearten: builds empathetic spoken-dialogue datasets."""

__version__ = "0.1.0"
