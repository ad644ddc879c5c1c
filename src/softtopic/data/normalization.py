"""Normal form of text for counting words: one spelling for what looks the same, and no markup."""

import html
import re
import unicodedata

# Soft hyphen, zero-width space, non-joiner, joiner, word joiner and byte order mark: invisible inside a word. Vowel
# marks and the stretching character of Arabic: written or left out at will.
_IGNORED = re.compile("[\u00ad\u0640\u064b-\u0652\u200b-\u200d\u2060\ufeff]")

# Elements of HTML. Other names in angle brackets are text: List<String>.
_ELEMENTS = (
    "a abbr address article aside audio b blockquote body br button canvas caption center cite code col colgroup dd "
    "del details dfn div dl dt em embed fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 "
    "head header hr html i iframe img input ins kbd label legend li link main map mark meta nav noscript object ol "
    "optgroup option p param picture pre q s samp section select small source span strike strong sub summary sup svg "
    "table tbody td textarea tfoot th thead tr tt u ul var video wbr"
).replace(" ", "|")

# Lengths are bounded, so that no text takes long.
_LINK = re.compile(
    r"(?:https?|ftp)://[^\s<>\"]+"
    r"|(?<![\w@.])www\.[^\s<>\"]+"
    # Without a scheme: an end that is hardly ever a word of a text, or a path after the name of the host.
    r"|(?<![\w@./])(?:[a-z0-9-]{1,63}\.){1,8}"
    r"(?:(?:com|org|edu|gov)(?![\w-])|(?:au|be|ca|co|de|es|eu|fr|gd|gl|info|it|jp|ly|me|nl|ru|tv|uk|us)(?=/\w))"
    r"(?:[/?#][^\s<>\"]*)?"
    r"|(?<![\w.+-])[\w.+-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}(?![\w-])",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:[a-z][a-z0-9]{1,31}|#[0-9]{1,7}|#x[0-9a-f]{1,6});|&(?:amp|nbsp|quot|lt|gt)\b", re.IGNORECASE)
_TAG = re.compile(
    r"<!--.{0,1000}?-->|<(script|style)(?:\s[^<>]{0,500})?>.{0,3000}?</\1\s*>|<!doctype[^<>]{0,200}>"
    rf"|</?(?:script|style|{_ELEMENTS})(?:\s[^<>=]{{1,100}}=[^<>]{{0,2000}}|\s*/?)>",
    re.IGNORECASE | re.DOTALL,
)
_MENTION = re.compile(r"(?<![\w@/.{])@\w{2,}")


def normalize_text(text: str) -> str:
    r"""Compose letters and their accents (Unicode NFC); remove soft hyphens, zero-width characters and Arabic vowels.

    Examples
    --------
    >>> normalize_text("cafe\u0301 ro\u00adcket")
    'café rocket'
    """
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _IGNORED.sub("", text))


def strip_markup(text: str) -> str:
    """Remove links, e-mail addresses, HTML tags and @names, and decode HTML entities.

    Examples
    --------
    >>> strip_markup("<p>caf&eacute; &amp; bar</p>: www.example.com/menu?id=7, @chef").split()
    ['café', '&', 'bar', ':']
    """
    if "." in text or "://" in text:
        text = _LINK.sub(" ", text)
    if "&" in text:
        # Twice: what was escaped twice is common.
        text = _ENTITY.sub(_decoded, _ENTITY.sub(_decoded, text))
    if "<" in text:
        text = _TAG.sub(" ", text)
    return _MENTION.sub(" ", text) if "@" in text else text


def countable_text(text: str, *, keep_markup: bool = False) -> str:
    """The text in which words are counted: normalised, and without markup unless that is kept."""
    text = normalize_text(text)
    return text if keep_markup else strip_markup(text)


def _decoded(entity: re.Match[str]) -> str:
    found = html.unescape(entity[0])
    # An entity that HTML does not know is no word either.
    return " " if found == entity[0] else found
