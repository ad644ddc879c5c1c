"""Output of the language model at rest."""
