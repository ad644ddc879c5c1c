"""Comparison of methods on the same documents by the same measures."""
