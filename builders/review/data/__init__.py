"""The review data in the store."""
