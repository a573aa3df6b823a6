"""Publishing to the Hub what may be published, and rebuilding the rest from a licensed copy.

rights.py    what of a record may go out, field by field
omissions.py which records do not go out, and why
layouts.py   the configs: which rows, which columns
staging.py   all files of a version, in a folder of their own
card.py      README.md and croissant.json
hub.py       the Hub's calls, tried again where they can fail
release.py   from a staged folder to a tagged version, or to nothing
loading.py   loads a version in a process of its own and compares
hydrating.py the way back: published records and a corpus folder to a full build
"""
