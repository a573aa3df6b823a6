"""The emotions and strategies of the tables, and how each corpus's labels map to them."""
