"""Training and the files of a trained model."""
