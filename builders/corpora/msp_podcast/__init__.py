"""The reader of MSP-Podcast."""
