"""Lines of a plan on who reads and encodes the documents."""

from softtopic.data.language_names import ENGLISH, english_name
from softtopic.data.languages import CorpusLanguage
from softtopic.lm.config import MULTILINGUAL_ENCODER, Embedder
from softtopic.lm.encoder import SentenceEncoder
from softtopic.pipeline.sampling import n_longer
from softtopic.pipeline.sources import Source
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.chunking import max_chunks
from softtopic.teacher.encoder import EncoderTeacher
from softtopic.teacher.local import Teacher
from softtopic.wording import counted


def reader(teacher: BaseTeacher | None) -> str:
    """The teacher in a few words, and what it does with documents: name, number format, prompts, what it reads."""
    if teacher is None:
        return "language model: reads"
    about = teacher.description
    if isinstance(teacher, EncoderTeacher):
        return f"teacher: {teacher.encoder} compares words with"
    prompts = about.get("prompts") or [about.get("prompt")]
    how = {"head": "beginnings"}.get(about.get("truncation", "head"), about.get("truncation"))
    languages = dict.fromkeys(prompt["language"] for prompt in prompts if prompt)
    named = "" if set(languages) <= {ENGLISH} else f" in {' and '.join(map(english_name, languages))}"
    number = f"{counted(len(prompts), 'prompt')}{named}"
    form = f" ({about['dtype']})" if "dtype" in about else ""
    return f"language model: {about['lm']}{form}, {number}, {how}, reads"


def encoding(embedder: Embedder | None, language: CorpusLanguage, count: int, *, is_static: bool) -> str:
    """One line on the sentence encoder, and why it is this one."""
    rest = "; a static encoder trained on them encodes all" if is_static else ""
    if embedder is None:
        return f"sentence vectors: given{rest}"
    name = embedder.name if isinstance(embedder, SentenceEncoder) else "a function of the caller's"
    names = language.names
    several = names[0] if len(names) == 1 else f"{len(names)} languages"
    why = f" for {several}" if name == MULTILINGUAL_ENCODER else ""
    return f"sentence encoder: {name}{why}, {counted(count, 'document')}{rest}"


def truncation(source: Source, teacher: BaseTeacher | None, embedder: Embedder | None) -> str:
    """How many documents exceed what language model and encoder read of each."""
    limits: dict[str, int] = {}
    if isinstance(teacher, Teacher):
        config = teacher.config
        limits["language model"] = config.max_tokens * max_chunks(config.truncation, config.max_windows)
    if isinstance(embedder, SentenceEncoder):
        limits["encoder"] = embedder.max_tokens
    texts = source.corpus.distinct.texts if source.has_texts else ()
    longer = {who: n_longer(texts, limit) for who, limit in limits.items()}
    parts = [(longer[who], limits[who], who) for who in limits if longer[who]]
    said = [
        f"{count:,} the {limit} that the {who} reads"
        if place
        else f"about {count:,} of {counted(source.count, 'document')} exceed the {limit} tokens that the {who} reads"
        for place, (count, limit, who) in enumerate(parts)
    ]
    return f"truncated: {', '.join(said)}" if said else ""
