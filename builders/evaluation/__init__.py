"""Evaluation of finished builds by models."""
