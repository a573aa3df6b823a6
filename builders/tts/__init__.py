"""Synthetic speech: engines, requests and the ASR check."""
