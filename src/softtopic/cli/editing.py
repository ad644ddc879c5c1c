"""The command that edits topics: `edit`."""

from typing import TYPE_CHECKING, Annotated

import typer

from softtopic.cli.building import parse_numbers, parse_whole, save_changed
from softtopic.cli.options import Json, Model, Quiet
from softtopic.cli.output import print_json, print_table, print_topics, show_messages, topic_records
from softtopic.errors import InputError

if TYPE_CHECKING:
    from softtopic.model import TopicModel

_Texts = list[str] | None


def edit(
    model: Model,
    undo: Annotated[bool, typer.Option("--undo", help="Take back the last edit.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Take back all edits.")] = False,
    merge: Annotated[_Texts, typer.Option("--merge", help="Topics to make one of, e.g. 3,17; repeatable.")] = None,
    split: Annotated[_Texts, typer.Option("--split", help="Topic and number of parts, e.g. 4:3; repeatable.")] = None,
    drop: Annotated[_Texts, typer.Option("--drop", help="Topics to remove, e.g. 34 or 34,35; repeatable.")] = None,
    reduce: Annotated[int | None, typer.Option("--reduce", help="Number of topics to merge similar ones to.")] = None,
    rename: Annotated[_Texts, typer.Option("--rename", help='Name of a topic, e.g. "3=Formula 1"; repeatable.')] = None,
    exclude: Annotated[_Texts, typer.Option("--exclude", help="Words to remove, e.g. username; repeatable.")] = None,
    renumber: Annotated[bool, typer.Option("--renumber", help="Number the topics 0, 1, … without gaps.")] = False,
    suggest: Annotated[bool, typer.Option("--suggest", help="Print proposals of merges and removals.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Edit the topics of a model and print them: undo, merge, split, drop, rename, … in the order of this help."""
    from softtopic.model import TopicModel
    from softtopic.persistence.folder import folder_version

    show_messages(quiet)
    version = folder_version(model)
    loaded = TopicModel.load(model)
    before = loaded.edits_
    if undo:
        loaded.undo()
    if reset:
        loaded.reset()
    _regroup(loaded, merge or [], split or [], drop or [])
    if reduce is not None:
        loaded.reduce_topics(reduce)
    if rename:
        loaded.rename(_names(rename))
    if exclude:
        loaded.exclude_words(_words(exclude))
    if renumber:
        loaded.renumber()
    if loaded.edits_ != before:
        save_changed(loaded, model, version)
    _show(loaded, suggest, as_json)


def _regroup(model: "TopicModel", merge: list[str], split: list[str], drop: list[str]) -> None:
    if merge:
        model.merge_topics([parse_numbers("--merge", group) for group in merge])
    for topic, n in map(_split, split):
        model.split_topic(topic, n)
    if drop:
        model.drop_topics([topic for group in drop for topic in parse_numbers("--drop", group)])


def _show(model: "TopicModel", suggest: bool, as_json: bool) -> None:
    from softtopic.topics.suggestions import as_options

    proposals = model.suggest_edits() if suggest else None
    rows = [] if proposals is None else list(zip(map(as_options, proposals["Edit"]), proposals["Reason"], strict=True))
    if as_json:
        shown = {} if proposals is None else {"suggestions": [{"options": one, "reason": why} for one, why in rows]}
        print_json({"topics": topic_records(model), "edits": len(model.edits_)} | shown)
    elif proposals is None:
        print_topics(model)
    else:
        print_table(["proposal", "reason"], rows)


def _words(values: list[str]) -> list[str]:
    words = [word.strip() for value in values for word in value.split(",")]
    if not all(words):
        raise InputError(f"--exclude is {values[0]!r}; give words, as username,https")
    return words


def _split(value: str) -> tuple[int, int]:
    topic, colon, n = value.partition(":")
    number, parts = parse_whole(topic), parse_whole(n) if colon else 2
    if number is None or parts is None:
        raise InputError(f"--split is {value[:60]!r}; give a topic and a number of parts, as 4:3")
    return number, parts


def _names(values: list[str]) -> dict[int, str]:
    names: dict[int, str] = {}
    for value in values:
        number, equals, name = value.partition("=")
        topic = parse_whole(number)
        if not equals or topic is None:
            raise InputError(f'--rename is {value[:60]!r}; give a topic and its name, as "3=Formula 1"')
        if topic in names:
            raise InputError(f"--rename names topic {topic} twice; give one name for each topic")
        names[topic] = name
    return names
