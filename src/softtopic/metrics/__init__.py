"""Measures of topics, clusters and rankings."""
