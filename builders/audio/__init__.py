"""Clips: decoded, checked, measured, described in words."""
