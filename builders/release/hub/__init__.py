"""Publishing to the Hub what may be published, and rebuilding the rest from a licensed copy.

conditions.py   what must hold before anything is published
rights.py       what of a record may go out, field by field (fields.tsv, licences.tsv)
omissions.py    which records do not go out, and why
layouts.py      the configs: which rows, which columns
staging.py      the rows of a version, in a folder of their own (files.py, tally.py, drafts.py)
documents.py    all else in it: card.py, metadata.py, croissant.py, digests, change log
hub.py          the Hub's calls, tried again where they can fail
release.py      from a staged folder to a tagged version, or to nothing
loading.py      loads a version in a process of its own and compares (fingerprints.py)
describing.py   what the command prints
hydrating.py    the way back: published records and a corpus folder to a build (rebuilding.py)
"""
