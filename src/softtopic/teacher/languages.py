"""Languages of the embedded language model, by what was measured."""

# Languages in which it is a better teacher than a sentence encoder: ISO 639-1 codes, measured in November 2026
# (docs/log.md, `benchmarks/multilingual.py methods`). Of six languages other than English the language model is better
# in French, about equal in Chinese, and worse in German, Spanish, Russian and Arabic. A
# language belongs here once `--methods smollm2-135m encoder` shows that the language model is better there.
LM_LANGUAGES = ("en", "fr")

# Languages in which it is asked: those of `LM_LANGUAGES` in which prompts in the language give better topics.
LM_PROMPT_LANGUAGES = ("en",)

# Languages that it can write, see `softtopic.teacher.fluency`: its topics have names in these.
LM_WRITING_LANGUAGES = ("en",)
