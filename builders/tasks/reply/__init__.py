"""Drafting a reply."""
