"""Decisions in files, and formats of other tools."""
