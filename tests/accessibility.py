"""Checks of a page for people who see it badly or do not see it: by axe-core where it is at hand, else our own."""

import os
from pathlib import Path

from browser import Browser

# A file axe.min.js; continuous integration has it.
AXE = os.environ.get("SOFTTOPIC_AXE")

# Texts whose contrast with what is behind them is below 4.5, or 3 where they are large (WCAG 2.2, AA).
_CONTRAST = """(() => {
  const parse = (color) => {
    const found = color.match(/[\\d.]+/g).map(Number);
    return [...found.slice(0, 3), found[3] ?? 1];
  };
  const over = (top, ground) => top.slice(0, 3).map((value, place) => value * top[3] + ground[place] * (1 - top[3]));
  const luminance = (rgb) => rgb.map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = (one) =>
    one ? over(parse(getComputedStyle(one).backgroundColor), behind(one.parentElement)) : [255, 255, 255];
  const failures = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const one = node.parentElement, text = node.data.trim(), style = getComputedStyle(one);
    if (!text || !one.checkVisibility() || one.closest("svg, script, .hidden, .skip")) continue;
    const ground = behind(one), shades = [luminance(over(parse(style.color), ground)), luminance(ground)];
    const ratio = (Math.max(...shades) + 0.05) / (Math.min(...shades) + 0.05), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) failures.push([text.slice(0, 40), ratio]);
  }
  return failures;
})()"""


def contrast_failures(browser: Browser) -> list[list[object]]:
    """Texts of the page with too little contrast, and their contrast."""
    return browser.run(_CONTRAST)


def violations(browser: Browser) -> list[str]:
    """What axe-core finds wrong with the page; it must be at hand."""
    assert AXE is not None
    browser.run(Path(AXE).read_text(encoding="utf-8") + "; 0")
    return browser.run(
        "axe.run(document, { resultTypes: ['violations'] }).then((found) =>"
        "found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`))"
    )
