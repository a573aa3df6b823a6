"""Publishing to the Hub what may be published, and rebuilding the rest from a licensed copy.

staging.py      the rows of a version, in a folder of their own (files.py)
documents.py    all else in it: card.py, metadata.py, croissant.py, digests, change log
client.py       the Hub's calls, tried again where they can fail
release.py      from a staged folder to a tagged version, or to nothing
loading.py      loads a version in a process of its own and compares (fingerprints.py)
describing.py   what the command prints
hydrating.py    the way back: published records and a corpus folder to a build (rebuilding.py)

Which records go out, and what of them, is for `release`: rules.py (what must hold before anything
is published), eligibility.py (which records), rights.py (which fields), layouts.py (which configs).
"""
