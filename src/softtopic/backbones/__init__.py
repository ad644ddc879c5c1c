"""Neural topic models."""
