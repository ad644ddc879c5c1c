"""What a topic model reads of a document."""
