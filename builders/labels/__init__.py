"""The emotions and strategies of the tables, and what each corpus's labels mean in them."""
