"""The picture of the README: `python benchmarks/picture.py --data-dir FOLDER` writes docs/picture.svg."""

import argparse
from pathlib import Path

from softtopic import TopicModel
from softtopic.data.datasets import load

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data-dir", type=Path, help="folder of the sample corpora; default: the fetched posts")
parser.add_argument("--out", type=Path, default=Path("docs/picture.svg"))


def main() -> None:
    options = parser.parse_args()
    posts = load("20newsgroups", data_dir=options.data_dir).sample(2000)
    model = TopicModel(n_topics=20, progress=True).fit(posts)
    model.name_topics()
    figure = model.visualize_documents()
    figure.write_image(options.out, width=900, height=620)


if __name__ == "__main__":
    main()
