"""Giving text a voice: utterances of corpora without sound, and the replies."""
