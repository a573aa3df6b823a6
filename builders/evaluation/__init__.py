"""What is asked about finished builds, and what came of it."""
