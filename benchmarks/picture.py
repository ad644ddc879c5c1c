"""The picture of the README: `python benchmarks/picture.py --data-dir FOLDER` writes docs/picture.png."""

import argparse
from io import BytesIO
from pathlib import Path

from PIL import Image

from softtopic import TopicModel
from softtopic.data.datasets import load

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data-dir", type=Path, help="folder of the sample corpora; default: the fetched posts")
parser.add_argument("--out", type=Path, default=Path("docs/picture.png"))


def main() -> None:
    options = parser.parse_args()
    posts = load("20newsgroups", data_dir=options.data_dir).sample(2000)
    model = TopicModel(n_topics=20, progress=True).fit(posts)
    model.name_topics()
    image = model.visualize_documents().to_image("png", width=900, height=600, scale=2)
    # 64 colours are enough, and a third of the bytes.
    Image.open(BytesIO(image)).convert("RGB").quantize(64).save(options.out, optimize=True)


if __name__ == "__main__":
    main()
