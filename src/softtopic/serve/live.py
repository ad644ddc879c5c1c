"""A model folder that is asked and edited: what the server does, without HTTP.

The predictor is replaced by each edit and never changes, so that a request sees one state of the topics from its
beginning to its end.
"""

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from softtopic.data.corpus import Corpus
from softtopic.errors import InputError, SofttopicError, check_whole
from softtopic.persistence.folder import check_version, folder_version
from softtopic.persistence.saving import load, save
from softtopic.pipeline.predict import Predictor
from softtopic.report.page import page_data
from softtopic.state import FittedState
from softtopic.topics import edits, search
from softtopic.topics.documents import excerpt
from softtopic.topics.edits import Edit
from softtopic.topics.table import get_representative_docs, get_topic, topic_names

log = logging.getLogger(__name__)

# Characters of a name, and words of a topic.
_MAX_NAME, _N_WORDS = 200, 10

# Documents that a search or a text has at most.
MAX_NEAREST = 100


class LiveModel:
    """A model folder, opened once.

    Parameters
    ----------
    folder : Path
        Model folder; edits are saved to it.
    device : str, default="auto"
    classes, times : iterable or None, default=None
        Class and time of each training document, see `softtopic.report.data.report_data`.

    Raises
    ------
    ModelFileError
        If the folder is damaged or not a model folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        device: str = "auto",
        classes: Iterable[Any] | None = None,
        times: Iterable[Any] | None = None,
    ) -> None:
        # Before it is loaded: what changes meanwhile is noticed by the first edit.
        self._folder, self._version = folder, folder_version(folder)
        saved = load(folder, device=device)
        self._parameters = saved.parameters
        self._given = {"classes": _listed(classes), "times": _listed(times)}
        self._editing, self._drawing = Lock(), Lock()
        self._page: tuple[Predictor, dict[str, Any]] | None = None
        self.predictor = Predictor(saved.state, None, device, saved.edits)

    def warm_up(self) -> None:
        """Do now what the first request would wait for: draw the map, and open what reads texts."""
        self.page_data()
        try:
            self.transform(self.predictor, ["warm-up"])
        except SofttopicError as error:
            log.warning("texts cannot be transformed: %s", error)

    def page_data(self) -> dict[str, Any]:
        """Data of the page under the present edits."""
        with self._drawing:
            predictor = self.predictor
            if self._page is None or self._page[0] is not predictor:
                self._page = predictor, page_data(predictor.view, predictor.document_map, **self._given)
            return self._page[1]

    def topics(self) -> dict[str, Any]:
        """All topics, largest first, and the kinds of the edits."""
        predictor = self.predictor
        state, names = predictor.view, topic_names(predictor.view)
        columns = sorted(range(state.n_topics), key=lambda column: -state.counts[column])
        records = [
            {
                "topic": (topic := state.topic_ids[column]),
                "count": int(state.counts[column]),
                "name": names[column],
                "words": [word for word, _ in get_topic(state, topic, _N_WORDS)],
                "representative_documents": get_representative_docs(state, topic),
            }
            for column in columns
        ]
        return {"topics": records, "edits": _kinds(predictor.edits)}

    def transform(self, predictor: Predictor, texts: Sequence[str], nearest: int = 0) -> list[dict[str, Any]]:
        """Topics of texts, a record each.

        Parameters
        ----------
        predictor : Predictor
            The present one, or that of the beginning of a request.
        texts : sequence of str
        nearest : int, default=0
            Number of training documents to find for each text.

        Returns
        -------
        list of dict
            text (its beginning), topic, name, share, mixture (in the order of the numbers of the topics), novelty and
            nearest; topic and nearest are missing, None and [], where a text is blank.
        """
        corpus = Corpus.from_texts(texts)
        theta, novelty = predictor.describe(corpus, embedder=self._parameters.get("embedder"))
        if theta is None:
            raise ValueError("there are no mixtures of texts")
        state, names, blank = predictor.view, topic_names(predictor.view), set(corpus.blank.tolist())
        records = []
        for row, column in enumerate(theta.argmax(axis=1).tolist()):
            known = row not in blank
            records.append({
                "text": excerpt(corpus.texts[row]),
                "topic": state.topic_ids[column] if known else None,
                "name": names[column] if known else None,
                "share": float(theta[row, column]) if known else None,
                "mixture": theta[row].tolist(),
                "novelty": None if novelty is None else _number(novelty[row]),
                "nearest": _nearest(predictor, theta[[row]], nearest) if known and nearest else [],
            })  # fmt: skip
        return records

    def search(self, query: object, k: int) -> dict[str, Any]:
        """Training documents whose mixtures are nearest to that of a query, as ``softtopic search --json``."""
        check_whole("k", k, 1, MAX_NEAREST)
        found = self.transform(self.predictor, [search.check_query(query)], k)[0]
        return {"query": query, "novelty": found["novelty"], "hits": found["nearest"]}

    def edit(self, request: object) -> dict[str, Any]:
        """Apply one edit and save it; the topics afterwards. Nothing is changed where either fails."""
        return self._change(lambda predictor: (*predictor.edits, _edit(request, predictor.view)))

    def undo(self) -> dict[str, Any]:
        """Take back the last edit and save; the topics afterwards."""
        return self._change(lambda predictor: edits.without_last(predictor.edits))

    def _change(self, edits_after: Callable[[Predictor], tuple[Edit, ...]]) -> dict[str, Any]:
        with self._editing:
            edited = self.predictor.with_edits(edits_after(self.predictor))
            # Raised here and not by a later request.
            _ = edited.view
            self._version = save(
                edited.state, self._parameters, self._folder, edits=edited.edits, check=self._check_unchanged
            )
            self.predictor = edited
            return self.topics()

    def _check_unchanged(self) -> None:
        check_version(self._folder, self._version, "start the server again")


def _edit(request: object, state: FittedState) -> Edit:
    """The edit that a request such as ``{"merge": [3, 17]}`` describes."""
    if not isinstance(request, Mapping) or len(request) != 1 or next(iter(request)) not in _KINDS:
        raise InputError(f'the edit is {str(request)[:80]}; give one of {", ".join(_KINDS)}, as {{"merge": [3, 17]}}')
    kind, value = next(iter(request.items()))
    return _KINDS[kind](value, state)


def _rename(names: Any, state: FittedState) -> Edit:
    del state
    if not isinstance(names, Mapping):
        raise InputError(f'names are {type(names).__name__}; give names by topic, as {{"3": "space"}}')
    for topic, name in names.items():
        if not topic.isascii() or not topic.isdigit() or len(topic) > 9:
            raise InputError(f'names are by topic, not by {topic[:40]!r}; give numbers, as {{"3": "space"}}')
        if isinstance(name, str) and len(name) > _MAX_NAME:
            raise InputError(f"the name of topic {topic} has {len(name)} characters; give at most {_MAX_NAME}")
    return edits.rename({int(topic): name for topic, name in names.items()})


def _split(topic: Any, state: FittedState) -> Edit:
    check_whole("split", topic, 0)
    return edits.split(state, topic)


_KINDS: dict[str, Callable[[Any, FittedState], Edit]] = {
    "merge": lambda value, _: edits.merge(value),
    "rename": _rename,
    "drop": lambda value, _: edits.drop(value),
    "split": _split,
    "exclude": lambda value, _: edits.exclude(value),
}


def _nearest(predictor: Predictor, theta: Any, k: int) -> list[dict[str, Any]]:
    found = search.search(predictor.view, predictor.index(), theta, k)
    found.columns = found.columns.str.lower()
    return found.astype(object).to_dict("records")  # type: ignore[return-value]


def _kinds(made: Sequence[Edit]) -> list[str]:
    return [type(edit).__name__.lower() for edit in made]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _listed(values: Iterable[Any] | None) -> list[Any] | None:
    return None if values is None else list(values)
