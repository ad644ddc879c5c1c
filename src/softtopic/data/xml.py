"""Text in XML files, as workbooks, graphs and pictures are."""

import re

# What XML 1.0 does not have: controls, lone surrogates, and two characters that are none.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def xml_text(text: str) -> str:
    r"""The text with blanks in the place of characters that XML does not have; nothing is escaped.

    Examples
    --------
    >>> xml_text("bell\x07 & <b>")
    'bell  & <b>'
    """
    return _ILLEGAL.sub(" ", text)
