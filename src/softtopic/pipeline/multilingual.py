"""What follows from the languages of a corpus: which encoder and which teacher it gets."""

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from softtopic.data.corpus import equidistant
from softtopic.data.language_names import ENGLISH
from softtopic.data.languages import CorpusLanguage, document_languages
from softtopic.inputs.language_axes import Axes, language_axes
from softtopic.inputs.registry import split_inputs
from softtopic.lm.config import AUTO, LANGUAGE_MODEL, MULTILINGUAL_ENCODER, SENTENCE_ENCODER
from softtopic.pipeline.sources import Source
from softtopic.recipes import Recipe
from softtopic.storage.assets import ASSETS, has_asset
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.encoder import ENCODER_TEACHER, EncoderTeacher
from softtopic.teacher.languages import LM_LANGUAGES, LM_PROMPT_LANGUAGES
from softtopic.teacher.local import Teacher
from softtopic.teacher.prompt_texts import PROMPT_LANGUAGES
from softtopic.teacher.prompts import in_language
from softtopic.teacher.server import ServerTeacher
from softtopic.types import DocHidden
from softtopic.wording import counted

if TYPE_CHECKING:
    from softtopic.pipeline.plan import FitPlan

log = logging.getLogger(__name__)

# Documents whose languages are detected: means of more are no better.
_MAX_DOCUMENTS = 4000


def with_encoder(recipe: Recipe, language: CorpusLanguage, *, needed: bool = True) -> Recipe:
    """The recipe with the sentence encoder of these languages, where it leaves the choice open.

    Parameters
    ----------
    recipe : Recipe
    language : CorpusLanguage
    needed : bool, default=True
        Whether the encoder will be used; a warning is logged where the multilingual one is not on this machine, and the
        English one is chosen in its place.
    """
    if recipe.encoder.name != AUTO:
        return recipe
    name = SENTENCE_ENCODER
    if not language.is_english:
        if has_asset(MULTILINGUAL_ENCODER):
            name = MULTILINGUAL_ENCODER
        elif needed and recipe.needs_embeddings:
            log.warning(
                "the documents are in %s, and %s is not on this machine: %s, an encoder of English, is used; "
                "run `softtopic fetch multilingual` (%.0f MB) for better topics",
                ", ".join(language.names), MULTILINGUAL_ENCODER, SENTENCE_ENCODER,
                ASSETS[MULTILINGUAL_ENCODER].size / 1e6,
            )  # fmt: skip
    return replace(recipe, encoder=replace(recipe.encoder, name=name))


def axes_of(plan: "FitPlan", source: Source, vectors: DocHidden | None) -> Axes | None:
    """Axes along which sentence vectors tell the languages of a corpus of several apart; None where there is one.

    They are estimated on a sample of the documents that were encoded.
    """
    if vectors is None or not plan.language.is_mixed or not source.has_texts:
        return None
    texts = source.corpus.distinct.texts
    rows = equidistant(len(vectors), _MAX_DOCUMENTS)
    places = rows if plan.encoded is None else plan.encoded[rows]
    codes = document_languages([texts[place] for place in places.tolist()], plan.language.codes)
    axes = language_axes(vectors[rows], codes)
    if axes is not None:
        log.info("sentence vectors: removed %s of differences between languages", counted(len(axes), "direction"))
    return axes


def teacher_name(recipe: Recipe, language: CorpusLanguage) -> str:
    """The teacher of these languages: the embedded language model where it helps, else the sentence encoder.

    The language model stays where the recipe reads its hidden states, and where the multilingual encoder is not used.
    """
    helps = all(code in LM_LANGUAGES for code in language.codes)
    if helps or recipe.encoder.name != MULTILINGUAL_ENCODER or "hidden" in split_inputs(recipe.inputs):
        return LANGUAGE_MODEL
    return ENCODER_TEACHER


def encoder_teacher(recipe: Recipe, embedder: Any) -> EncoderTeacher:
    """The encoder of the fit as teacher: the one the caller names, else that of the recipe."""
    named = isinstance(embedder, str) and embedder != AUTO
    return EncoderTeacher(embedder if named else recipe.encoder.name, max_tokens=recipe.encoder.max_tokens)


def with_prompts_in(teacher: BaseTeacher, language: str) -> BaseTeacher:
    """The teacher with its predefined prompts in a language; prompts of the caller's own stay as they are."""
    if isinstance(teacher, ServerTeacher):
        prompt = in_language(teacher.prompt, language)
        return teacher if prompt == teacher.prompt else teacher.with_prompt(prompt)
    if not isinstance(teacher, Teacher):
        return teacher
    prompts = tuple(in_language(prompt, language) for prompt in teacher.prompts)
    return teacher if prompts == teacher.prompts else teacher.with_prompts(*prompts)


def prompt_language(teacher: BaseTeacher, language: CorpusLanguage, chosen: str | None = None) -> str:
    """Code of the language in which a teacher is asked about documents.

    Parameters
    ----------
    teacher : BaseTeacher
    language : CorpusLanguage
        Languages of the documents.
    chosen : str or None, default=None
        The caller's choice; None: the language of the documents, English for several or where there are no prompts in
        it. The embedded language model is asked in one of `LM_PROMPT_LANGUAGES`.
    """
    if chosen is not None:
        return chosen
    is_embedded = isinstance(teacher, Teacher) and teacher.lm == LANGUAGE_MODEL
    known = LM_PROMPT_LANGUAGES if is_embedded else PROMPT_LANGUAGES
    return language.codes[0] if len(language.codes) == 1 and language.codes[0] in known else ENGLISH
