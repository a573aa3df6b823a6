"""What goes out of a build: which records, which fields, in which form."""
