"""What is said of fitted topics."""
