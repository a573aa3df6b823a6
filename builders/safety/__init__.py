"""Keeping people safe: where an utterance goes, and what must not be said to it."""
