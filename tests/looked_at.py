"""What the builds of `cli/conftest.py` are told, which tests tell other commands too."""

TEXT = ("--corpus", "meld", "--sample", "--text-only")
PLANNED = ("--plan", "hash", "--demonstrations", "ours")
SOME = (
    *("--context-turns", "1", "--min-words", "6"),
    *("--max-per-emotion", "2", "--exclude-emotion", "neutral"),
)
