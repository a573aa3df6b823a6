"""Exporting and publishing: which records and fields of a build, in which form."""
