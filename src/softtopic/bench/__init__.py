"""Comparison with other methods: each reads the same texts, and is measured by the same measures."""
