"""Languages in which the embedded language model is a better teacher than a sentence encoder."""

# ISO 639-1 codes, measured in November 2026 (docs/log.md, `benchmarks/multilingual.py methods`): of six languages other
# than English the language model is better in French, about equal in Chinese, and worse in German, Spanish, Russian and
# Arabic. A language belongs here once `--methods smollm2-135m encoder` shows that the language model is better there.
LM_LANGUAGES = ("en", "fr")
