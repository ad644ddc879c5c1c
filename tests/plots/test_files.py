import pytest
from fitted_states import fitted_state

from softtopic.errors import InputError
from softtopic.plots import images, style
from softtopic.plots.images import write_figure
from softtopic.plots.words import visualize_barchart


@pytest.fixture(scope="module")
def figure():
    return visualize_barchart(fitted_state(), top_n_topics=2)


def test_a_page_needs_no_network(figure, tmp_path):
    write_figure(figure, tmp_path / "a.html")
    write_figure(figure, tmp_path / "b.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "Plotly.newPlot" in page
    assert "<script src=" not in page
    assert page == (tmp_path / "b.html").read_text(encoding="utf-8")


def test_another_ending_is_refused(figure, tmp_path):
    with pytest.raises(InputError, match=r"trend.docx names no format of figures; give .html, .svg, .png, .pdf"):
        write_figure(figure, tmp_path / "trend.docx")


def test_images_need_kaleido(figure, tmp_path, monkeypatch):
    monkeypatch.setattr(images, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'softtopic\[plots\]', or give .html"):
        write_figure(figure, tmp_path / "trend.svg")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RuntimeError("\n\nKaleido requires Google Chrome to be installed.\n"), "needs Chrome or Chromium"),
        (ValueError("some\nlines"), r"kaleido cannot write .pdf \(some lines\)"),
    ],
)
def test_images_need_a_browser(figure, tmp_path, monkeypatch, error, message):
    def fail(**_):
        raise error

    monkeypatch.setattr(images, "find_spec", lambda name: name)
    monkeypatch.setattr(type(figure), "to_image", lambda self, **options: fail(**options))
    with pytest.raises(InputError, match=message):
        write_figure(figure, tmp_path / "trend.pdf")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_plotly_is_one_line_with_the_command(monkeypatch):
    monkeypatch.setattr(style, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'softtopic\[plots\]'"):
        visualize_barchart(fitted_state())
