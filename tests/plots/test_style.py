from itertools import combinations

import numpy as np
import pytest

from softtopic.plots.style import _TEMPLATE, PALETTE, hover, label, plain
from softtopic.report.page import _ON_DARK

# Machado, Oliveira & Fernandes (2009): linear RGB as people see it who lack one kind of cone.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lab(color: str, deficiency) -> np.ndarray:
    """CIE L*a*b* of a colour."""
    srgb = np.array([int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.asarray(deficiency) @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(np.maximum(to_xyz @ linear / [0.9505, 1, 1.089], 0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("palette", [PALETTE, _ON_DARK])
@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_colors_are_told_apart_by_colour_blind_people(deficiency, palette):
    assert len(palette) == 20
    seen = [lab(color, DEFICIENCIES[deficiency]) for color in palette]
    assert min(np.linalg.norm(one - other) for one, other in combinations(seen, 2)) > 9


def test_texts_are_no_markup():
    assert plain("<b>a\nb</b> $x$ & c") == "&lt;b&gt;a b&lt;/b&gt; &#36;x&#36; &amp; c"
    assert label("a" * 40, 10) == "a" * 9 + "…"


def test_hover_texts_have_lines():
    assert hover("<i>name</i>", "", "word " * 20) == (
        "<b>&lt;i&gt;name&lt;/i&gt;</b><br>" + " ".join(["word"] * 12) + "<br>" + " ".join(["word"] * 8)
    )


def test_texts_from_right_to_left_keep_what_is_beside_them_in_place():
    assert plain("القمر  <b>") == "\u2068القمر &lt;b&gt;\u2069"
    assert "Noto Sans Arabic" in _TEMPLATE["layout"]["font"]["family"]
