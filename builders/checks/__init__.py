"""Checks: schemas, and the rules that no schema can say."""
