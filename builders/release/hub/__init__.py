"""Publishing to the Hub, and restoring withheld parts from a licensed copy of the corpus.

staging.py      the rows of a version, in a separate folder (files.py)
documents.py    everything else in it: card.py, metadata.py, croissant.py, digests, change log
client.py       calls of the Hub, with retries
release.py      from a staged folder to a tagged version, all or nothing
loading.py      loads a version in a separate process and compares (fingerprints.py)
describing.py   what the command prints
hydrating.py    restores a build from published records and a corpus folder (rebuilding.py)

The package `release` decides which records and fields are published: rules.py (requirements for
publishing), eligibility.py (records), rights.py (fields), layouts.py (configs).
"""
