"""The voice: decoding clips."""
