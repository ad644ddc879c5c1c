"""Neural topic models, and their settings."""
