"""The embedded models as torch modules, and their tokenizers, opened without importing transformers."""
