"""Time to draw each kind of figure and to write the page of a model, and the size of the page.

python benchmarks/plots.py --model MODEL [--svg docs/plots.svg]

--svg writes the figure of docs/how-to.md, from the model of `softtopic demo` whose topics `softtopic name` has named.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from common import parser, print_head, print_row

from softtopic import TopicModel
from softtopic.plots.images import write_figure
from softtopic.topics.map import document_map


def main() -> None:
    options = parser(__doc__, data=False)
    options.add_argument("--model", type=Path, required=True, help="model folder")
    options.add_argument("--svg", type=Path, help="file for a figure of the words of the largest topics")
    arguments = options.parse_args()
    model = TopicModel.load(arguments.model)
    print_head("of the model", "seconds", "MB")
    print_row(f"map of {len(model.state_.theta):,} documents", timed(lambda: document_map(model.state_)), "")
    model.visualize_documents()
    for kind in ("barchart", "term_rank", "topics", "documents", "heatmap", "hierarchy"):
        print_row(f"figure {kind}", timed(getattr(model, f"visualize_{kind}")), "")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        seconds = timed(lambda: model.report(page))
        print_row("page", seconds, f"{page.stat().st_size / 1e6:.1f}")
    if arguments.svg:
        write_figure(model.visualize_barchart(top_n_topics=6), arguments.svg)


def timed(step: Callable[[], object]) -> str:
    start = time.perf_counter()
    step()
    return f"{time.perf_counter() - start:.2f}"


if __name__ == "__main__":
    main()
