"""What the decisions come to."""
