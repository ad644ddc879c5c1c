"""From documents to a fitted state, step by step."""
