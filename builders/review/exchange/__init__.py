"""Decisions in files, and other tools' forms."""
