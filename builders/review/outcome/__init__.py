"""Outcomes of the review decisions."""
