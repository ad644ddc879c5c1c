"""Distilling soft labels into a backbone: configuration, targets, loss and loop."""
