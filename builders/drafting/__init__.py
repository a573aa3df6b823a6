"""Drafting: requests, the client, the store of answers."""
