import io
from xml.etree import ElementTree as ET

import networkx as nx
import pytest

from softtopic.data.graphml import Graph, write_graphml
from softtopic.data.xml import xml_text

GRAPH = Graph(
    {"a": {"label": '<b> & "c" \'', "n": 2}, "b": {"label": "بحر 海\x07", "n": 3, "extra": 0.5}},
    [("a", "b", {"kind": "similarity", "weight": 0.25})],
)


def written(graph: Graph) -> bytes:
    stream = io.BytesIO()
    write_graphml(graph, stream)
    return stream.getvalue()


def test_another_program_reads_what_was_written():
    found = nx.read_graphml(io.BytesIO(written(GRAPH)))
    assert not found.is_directed()
    assert dict(found.nodes(data=True)) == {
        "a": {"label": '<b> & "c" \'', "n": 2},
        "b": {"label": "بحر 海 ", "n": 3, "extra": 0.5},
    }
    assert list(found.edges(data=True)) == [("a", "b", {"kind": "similarity", "weight": 0.25})]


def test_equal_graphs_are_equal_files():
    assert written(GRAPH) == written(Graph(dict(GRAPH.nodes), list(GRAPH.edges)))


def test_a_graph_without_edges_is_one():
    assert len(nx.read_graphml(io.BytesIO(written(Graph({"a": {}}, []))))) == 1


@pytest.mark.parametrize("code", [*range(32), 0xD800, 0xDFFF, 0xFFFE, 0xFFFF, 0x85, 0x1F600])
def test_text_of_any_character_is_xml(code):
    element = ET.Element("a")
    element.text = xml_text(chr(code))
    read = ET.fromstring(ET.tostring(element, encoding="utf-8")).text
    # XML knows no difference between the ends of lines.
    assert read == element.text.replace("\r", "\n")
