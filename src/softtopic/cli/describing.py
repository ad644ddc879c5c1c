"""Commands that say what a model is and why a text has its topics: `info`, `explain`."""

import sys
from typing import Annotated

import typer

from softtopic import __version__
from softtopic.cli.options import Device, Json, Model, Quiet
from softtopic.cli.out_of_core import count_all, documents_path
from softtopic.cli.output import print_json, print_table, printable, show_messages, table_records
from softtopic.errors import InputError
from softtopic.wording import counted


def info(model: Model, as_json: Json = False, quiet: Quiet = False) -> None:
    """Print what a model was made of: documents, vocabulary, recipe, language model, edits, and the plan of its fit."""
    from softtopic.model import TopicModel
    from softtopic.persistence.card import model_facts

    show_messages(quiet)
    loaded = TopicModel.load(model)
    state = loaded.state_
    settings = model_facts(state)
    n_all = count_all(model)
    if as_json:
        counts = {"documents": len(state.ids), "topics": len(loaded.topic_ids_), "edits": len(loaded.edits_)}
        counts |= {"all_documents": n_all}
        made = {"settings": settings, "plan": list(state.plan)}
        print_json({"model": str(model), "softtopic": __version__} | counts | made)
        return
    edited = (
        {"Topics": f"{len(loaded.topic_ids_)}, after {counted(len(loaded.edits_), 'edit')}"} if loaded.edits_ else {}
    )
    if n_all is not None:
        edited["All documents"] = f"{n_all:,}, their mixtures are in {documents_path(model).name}"
    width = max(map(len, settings | edited))
    for name, value in (settings | edited).items():
        print(f"{name:<{width}}  {printable(value)}")
    if state.plan:
        print("\nPlan of the fit:")
        for line in state.plan:
            print(printable(line))


def explain(
    model: Model,
    text: Annotated[str, typer.Argument(help="A text; - is standard input.")],
    topics: Annotated[int, typer.Option("--topics", min=1, help="Number of topics of each sentence.")] = 1,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print the topics of each sentence of a text, and the words that support them."""
    from softtopic.model import TopicModel

    show_messages(quiet)
    text = sys.stdin.read() if text == "-" else text
    if not text.strip():
        raise InputError("the text is empty; give one or more sentences")
    loaded = TopicModel.load(model, device=device)
    loaded.progress = False
    found = loaded.explain(text, topics)
    if as_json:
        print_json({"sentences": table_records(found)})
        return
    rows = [
        [f"{row['Share']:.2f}", row["Name"], " ".join(row["Words"]), row["Sentence"]]
        for row in found.to_dict("records")
    ]
    print_table(["share", "topic", "words", "sentence"], rows)
