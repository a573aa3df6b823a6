"""Taking in records that somebody wrote, as a corpus of their own."""
