"""The language model that labels: prompts, tokens, the forward pass, calibration."""

import os

# oneDNN and torch each keep what they compiled for the last 1,024 shapes of products, about half a megabyte a shape:
# over a corpus that is more than the language model itself. Read once, at the first product.
for _name in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
    os.environ.setdefault(_name, "200")
