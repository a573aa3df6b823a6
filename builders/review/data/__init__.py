"""What the review keeps in the store."""
