"""The reader of EmpatheticDialogues."""
