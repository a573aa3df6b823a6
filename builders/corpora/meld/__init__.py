"""The reader of MELD."""
