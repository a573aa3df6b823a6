"""Clips: decoding, checking, measuring and describing them."""
