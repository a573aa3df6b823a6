"""A build from its settings to its folder."""
