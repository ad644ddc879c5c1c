"""Languages in which the embedded language model is a better teacher than a sentence encoder."""

# ISO 639-1 codes. The encoder was measured in November 2026 (docs/log.md, `benchmarks/multilingual.py methods`): in
# nine languages other than English it is far better than KMeans on its vectors, and than counts alone where tried. A
# language belongs here once `--methods smollm2-135m encoder` shows that the language model is better there.
LM_LANGUAGES = ("en",)
