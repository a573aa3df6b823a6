"""The reader of CMU-MOSEI."""
