"""Checks of a reply."""
