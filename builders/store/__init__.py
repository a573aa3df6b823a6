"""The database that all builds share."""
