"""The reader of EmoryNLP."""
