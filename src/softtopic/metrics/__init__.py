"""Measures of topics, clusters and rankings; `registry` holds all of them by name."""
