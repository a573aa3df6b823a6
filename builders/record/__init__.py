"""The sample record: its types, schema and files, and the reader of finished builds."""
