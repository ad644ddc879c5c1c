"""Everything that tables say of a fitted model, written for other programs: Excel, CSV, Parquet, GraphML."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from softtopic.data.graphml import write_graphml
from softtopic.data.times import parse_times
from softtopic.data.workbook import write_workbook
from softtopic.data.writers import write_table
from softtopic.errors import InputError
from softtopic.state import FittedState
from softtopic.storage.atomic import check_writable, disk_errors, staged_file
from softtopic.topics.assignments import Assignments
from softtopic.topics.document_table import documents_of
from softtopic.topics.documents import one_each
from softtopic.topics.dynamics import topics_over_time
from softtopic.topics.groups import topics_per_class
from softtopic.topics.network import topic_graph
from softtopic.topics.novelty import NoveltyScale
from softtopic.topics.table import get_topic_info, topic_names

# Files of a folder.
FORMATS = ("csv", "parquet")


def check_export(path: Path, format: str | None = None) -> str:
    """What is written at a path: "xlsx", "graphml", or the format of the files of a folder.

    Raises
    ------
    InputError
        If the path names neither, or a model folder, or a package is missing.
    DiskError
        If nothing can be written there.
    """
    if format is not None and (path.suffix or format not in FORMATS):
        where = f"{path} is one file" if path.suffix else "a folder"
        raise InputError(f"format is {format!r} and {where}; give a folder, and one of {', '.join(FORMATS)}")
    if path.suffix not in ("", ".xlsx", ".graphml"):
        raise InputError(
            f"{path} ends in {path.suffix}; give a file that ends in .xlsx or .graphml, or a folder of tables"
        )
    if path.suffix == ".xlsx" and find_spec("openpyxl") is None:
        raise InputError(f"{path} needs openpyxl; pip install 'softtopic[xlsx]', or give a folder for CSV files")
    if not path.suffix and path.exists() and (not path.is_dir() or (path / "config.json").exists()):
        raise InputError(f"{path} is a {'model folder' if path.is_dir() else 'file'}; give another folder")
    check_writable(path)
    return path.suffix.removeprefix(".") or format or FORMATS[0]


def export(
    state: FittedState,
    path: Path,
    *,
    classes: Iterable[Any] | None = None,
    times: Iterable[Any] | None = None,
    format: str | None = None,
) -> dict[str, int]:
    """Write the tables of a model, or its topics as a graph.

    Parameters
    ----------
    state : FittedState
        After edits.
    path : Path
        .xlsx for a workbook with a sheet for each table, .graphml for `network.topic_graph`, else a folder with a file
        for each table.
    classes, times
        See `export_tables`.
    format : {"csv", "parquet"} or None, default=None
        Of the files of a folder; None: CSV.

    Returns
    -------
    dict of str to int
        Number of rows of each table; of nodes and edges of the graph.

    Raises
    ------
    InputError
        If the path ends in anything else, or there is not one class or time for each document.
    DiskError
        If the files cannot be written.
    """
    kind = check_export(path, format)
    if kind == "graphml":
        graph = topic_graph(state)
        with staged_file(path) as staging, staging.open("wb") as stream:
            write_graphml(graph, stream)
        return {"nodes": len(graph.nodes), "edges": len(graph.edges)}
    tables = export_tables(state, classes=classes, times=times)
    if kind != "parquet":
        tables = {name: _without_lists(table) for name, table in tables.items()}
    if kind == "xlsx":
        with staged_file(path) as staging, staging.open("wb") as stream:
            write_workbook(tables, stream)
    else:
        with disk_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            write_table(path / f"{name}.{kind}", {column: table[column].tolist() for column in table})
    return {name: len(table) for name, table in tables.items()}


def export_tables(
    state: FittedState, *, classes: Iterable[Any] | None = None, times: Iterable[Any] | None = None
) -> dict[str, pd.DataFrame]:
    """The tables of a model by name, with columns in lower case.

    Parameters
    ----------
    state : FittedState
        After edits.
    classes : iterable or None, default=None
        Class of each document of the model; None: no table of groups.
    times : iterable or None, default=None
        Time of each document of the model; None: those that the model keeps. Without any there is no table of trends.

    Returns
    -------
    dict of str to DataFrame
        topics, as `get_topic_info` with the share of all documents; documents, as `documents_of`, with time and class
        where they are known; trends, as `topics_over_time`; groups, as `topics_per_class`.
    """
    own = Assignments(
        theta=state.theta,
        names=topic_names(state),
        vocabulary=state.vocabulary,
        texts=state.excerpts,
        topic_ids=state.topic_ids,
        blank=state.blank,
    )
    known = state.vectors
    novelty = None if known is None else NoveltyScale.of(state).novelty(known.projections, state.blank)
    documents = documents_of(state, novelty=novelty)
    tables = {"topics": _topics(state), "documents": documents}
    when = state.times if times is None else one_each("times", times, state)
    if when is not None:
        documents["Time"] = parse_times(when)
        tables["trends"] = topics_over_time(own, when)
    if classes is not None:
        documents["Class"] = one_each("classes", classes, state)
        tables["groups"] = topics_per_class(own, documents["Class"])
    return {name: table.rename(columns=str.lower) for name, table in tables.items()}


def _topics(state: FittedState) -> pd.DataFrame:
    info = get_topic_info(state).rename(
        columns={"Representation": "Words", "Representative_Docs": "Representative_Documents"}
    )
    info.insert(2, "Share", info["Count"] / max(1, len(state.with_text)))
    return info


def _without_lists(table: pd.DataFrame) -> pd.DataFrame:
    """The table with lists of words joined, for formats that have none; documents stand on lines of their own."""
    joined = {
        name: "\n" if name == "representative_documents" else ", "
        for name in table
        if any(isinstance(value, list) for value in table[name].tolist())
    }
    return table.assign(**{name: table[name].map(separator.join) for name, separator in joined.items()})
