"""The graph of documents: neighbours, label propagation, groups."""
