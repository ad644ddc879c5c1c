"""Languages in which the embedded language model is a better teacher than a sentence encoder."""

# ISO 639-1 codes. Measured in November 2026 by `benchmarks/multilingual.py teachers`, on ten languages; in languages
# that were not measured the encoder teaches.
LM_LANGUAGES = ("en",)
