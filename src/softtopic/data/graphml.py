"""GraphML files, as Gephi, Cytoscape, yEd, igraph and networkx read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from typing import BinaryIO
from xml.etree import ElementTree as ET  # written alone, never read

from softtopic.data.xml import xml_text

_NAMESPACE = "http://graphml.graphdrawing.org/xmlns"

Value = str | int | float


@dataclass(frozen=True)
class Graph:
    """An undirected graph.

    Attributes
    ----------
    nodes : mapping of str to mapping
        Attributes of each node by its id.
    edges : sequence of (str, str, mapping)
        Ids of two nodes, and attributes.
    """

    nodes: Mapping[str, Mapping[str, Value]]
    edges: Sequence[tuple[str, str, Mapping[str, Value]]]


def write_graphml(graph: Graph, stream: BinaryIO | BufferedIOBase) -> None:
    """Write a graph; equal graphs give equal files.

    Parameters
    ----------
    graph : Graph
        Attributes of one name have one type in all nodes, and in all edges.
    stream : binary stream
    """
    root = ET.Element("graphml", xmlns=_NAMESPACE)
    keys = _declare(root, "node", list(graph.nodes.values()))
    keys |= _declare(root, "edge", [attributes for _, _, attributes in graph.edges])
    body = ET.SubElement(root, "graph", id="topics", edgedefault="undirected")
    for name, attributes in graph.nodes.items():
        _add_data(ET.SubElement(body, "node", id=name), "node", attributes, keys)
    for source, target, attributes in graph.edges:
        _add_data(ET.SubElement(body, "edge", source=source, target=target), "edge", attributes, keys)
    ET.indent(root)
    stream.write(ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")


def _declare(root: ET.Element, kind: str, owners: Sequence[Mapping[str, Value]]) -> dict[tuple[str, str], str]:
    """Declarations of the attributes of nodes or edges, by the type of their first value."""
    firsts: dict[str, Value] = {}
    for attributes in owners:
        for name, value in attributes.items():
            firsts.setdefault(name, value)
    types = {str: "string", int: "long", float: "double"}
    keys = {}
    for name, value in firsts.items():
        keys[kind, name] = f"{kind}-{name}"
        about = {"id": keys[kind, name], "for": kind, "attr.name": name, "attr.type": types[type(value)]}
        ET.SubElement(root, "key", about)
    return keys


def _add_data(
    owner: ET.Element, kind: str, attributes: Mapping[str, Value], keys: Mapping[tuple[str, str], str]
) -> None:
    for name, value in attributes.items():
        ET.SubElement(owner, "data", key=keys[kind, name]).text = xml_text(str(value))
