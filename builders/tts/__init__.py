"""Synthetic speech: engines, requests, and the recogniser's check."""
