"""Review: people listen, read and decide; their decisions are events that are never overwritten."""
