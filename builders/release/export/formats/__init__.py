"""One module for each trainer's format."""
