"""The reader of CREMA-D."""
