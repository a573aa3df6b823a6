"""`python -m builders` is `hearten`."""

from builders.cli import main

main()
