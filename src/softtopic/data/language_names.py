"""Names and codes of languages."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

from softtopic.errors import InputError

AUTO = "auto"
NONE = "none"
ENGLISH = "en"
# ISO 639-2: the language cannot be told.
UNKNOWN = "und"

# ISO 639-1 code: English name, own name, and further names and codes (ISO 639-2 and -3) that are understood.
LANGUAGES: dict[str, tuple[str, ...]] = {
    "ace": ("Acehnese",),
    "af": ("Afrikaans", "afr"),
    "am": ("Amharic", "አማርኛ", "amh"),
    "ar": ("Arabic", "العربية", "عربي", "ara", "arb"),
    "as": ("Assamese", "অসমীয়া", "asm"),
    "az": ("Azerbaijani", "azərbaycan", "azərbaycanca", "azeri", "aze"),
    "ba": ("Bashkir", "башҡортса", "bak"),
    "bcl": ("Bikol", "Bikol Central"),
    "be": ("Belarusian", "беларуская", "bel"),
    "bg": ("Bulgarian", "български", "bul"),
    "bn": ("Bengali", "বাংলা", "bangla", "ben"),
    "br": ("Breton", "brezhoneg", "bre"),
    "bs": ("Bosnian", "bosanski", "bos"),
    "ca": ("Catalan", "català", "valencià", "valencian", "cat"),
    "crh": ("Crimean Tatar",),
    "cs": ("Czech", "čeština", "česky", "ces", "cze"),
    "cy": ("Welsh", "Cymraeg", "cym", "wel"),
    "da": ("Danish", "dansk", "dan"),
    "de": ("German", "Deutsch", "deu", "ger"),
    "dz": ("Dzongkha", "རྫོང་ཁ", "dzo"),
    "el": ("Greek", "ελληνικά", "ell", "gre"),
    "en": ("English", "eng"),
    "eo": ("Esperanto", "epo"),
    "es": ("Spanish", "español", "castellano", "Castilian", "spa"),
    "et": ("Estonian", "eesti", "est"),
    "eu": ("Basque", "euskara", "eus", "baq"),
    "fa": ("Persian", "فارسی", "Farsi", "fas", "per"),
    "fi": ("Finnish", "suomi", "fin"),
    "fo": ("Faroese", "føroyskt", "fao"),
    "fr": ("French", "français", "fra", "fre"),
    "fuv": ("Fula", "Fulfulde"),
    "fy": ("Frisian", "Frysk", "West Frisian", "fry"),
    "ga": ("Irish", "Gaeilge", "gle"),
    "gcf": ("Guadeloupean Creole",),
    "gcr": ("Guianese Creole",),
    "gd": ("Scottish Gaelic", "Gàidhlig", "gla"),
    "gl": ("Galician", "galego", "glg"),
    "gom": ("Konkani", "कोंकणी"),
    "grc": ("Ancient Greek",),
    "gu": ("Gujarati", "ગુજરાતી", "guj"),
    "gug": ("Guarani", "Avañeʼẽ", "gn", "grn"),
    "guw": ("Gun",),
    "ha": ("Hausa", "hau"),
    "hbo": ("Ancient Hebrew",),
    "he": ("Hebrew", "עברית", "iw", "heb"),
    "hi": ("Hindi", "हिन्दी", "हिंदी", "hin"),
    "hr": ("Croatian", "hrvatski", "hrv"),
    "ht": ("Haitian Creole", "Kreyòl", "hat"),
    "hu": ("Hungarian", "magyar", "hun"),
    "hy": ("Armenian", "հայերեն", "hye", "arm"),
    "id": ("Indonesian", "Bahasa Indonesia", "ind"),
    "ig": ("Igbo", "ibo"),
    "is": ("Icelandic", "íslenska", "isl", "ice"),
    "it": ("Italian", "italiano", "ita"),
    "ja": ("Japanese", "日本語", "jpn"),
    "jv": ("Javanese", "Basa Jawa", "jav"),
    "ka": ("Georgian", "ქართული", "kat", "geo"),
    "kab": ("Kabyle", "Taqbaylit"),
    "kik": ("Kikuyu", "ki"),
    "kk": ("Kazakh", "қазақша", "қазақ", "kaz"),
    "km": ("Khmer", "ភាសាខ្មែរ", "ខ្មែរ", "khm", "Cambodian"),
    "kn": ("Kannada", "ಕನ್ನಡ", "kan"),
    "ko": ("Korean", "한국어", "kor"),
    "ku": ("Kurdish", "kurdî", "kur", "kmr"),
    "ky": ("Kyrgyz", "кыргызча", "kir"),
    "la": ("Latin", "latina", "lingua latina", "lat"),
    "lb": ("Luxembourgish", "Lëtzebuergesch", "ltz"),
    "lg": ("Ganda", "Luganda", "lug"),
    "lij": ("Ligurian",),
    "ln": ("Lingala", "lin"),
    "lo": ("Lao", "ລາວ", "ພາສາລາວ", "lao", "Laotian"),
    "lt": ("Lithuanian", "lietuvių", "lit"),
    "ltg": ("Latgalian",),
    "lv": ("Latvian", "latviešu", "lav"),
    "mg": ("Malagasy", "mlg"),
    "mk": ("Macedonian", "македонски", "mkd", "mac"),
    "ml": ("Malayalam", "മലയാളം", "mal"),
    "mn": ("Mongolian", "монгол", "mon"),
    "mr": ("Marathi", "मराठी", "mar"),
    "ms": ("Malay", "Bahasa Melayu", "Malaysian", "msa", "may", "zsm"),
    "mt": ("Maltese", "Malti", "mlt"),
    "my": ("Burmese", "မြန်မာ", "Myanmar", "mya", "bur"),
    "ne": ("Nepali", "नेपाली", "nep"),
    "nl": ("Dutch", "Nederlands", "Flemish", "Vlaams", "nld", "dut"),
    "no": ("Norwegian", "norsk", "Bokmål", "Nynorsk", "nb", "nn", "nor", "nob", "nno"),
    "nso": ("Northern Sotho", "Sepedi"),
    "oc": ("Occitan", "occitan", "oci"),
    "om": ("Oromo", "Afaan Oromoo", "orm"),
    "or": ("Odia", "ଓଡ଼ିଆ", "Oriya", "ori", "ory"),
    "pa": ("Punjabi", "ਪੰਜਾਬੀ", "Panjabi", "pan"),
    "pl": ("Polish", "polski", "pol"),
    "ps": ("Pashto", "پښتو", "pus"),
    "pt": ("Portuguese", "português", "por"),
    "qu": ("Quechua", "Runasimi", "que"),
    "ro": ("Romanian", "română", "ron", "rum", "Moldovan"),
    "ru": ("Russian", "русский", "rus"),
    "rw": ("Kinyarwanda", "kin"),
    "sa": ("Sanskrit", "संस्कृतम्", "san"),
    "se": ("Northern Sami", "davvisámegiella", "sme"),
    "si": ("Sinhala", "සිංහල", "Sinhalese", "sin"),
    "sk": ("Slovak", "slovenčina", "slovensky", "slk", "slo"),
    "sl": ("Slovenian", "slovenščina", "Slovene", "slv"),
    "sn": ("Shona", "chiShona", "sna"),
    "so": ("Somali", "Soomaali", "som"),
    "sq": ("Albanian", "shqip", "sqi", "alb"),
    "sr": ("Serbian", "српски", "srpski", "srp"),
    "st": ("Sotho", "Sesotho", "sot"),
    "sv": ("Swedish", "svenska", "swe"),
    "sw": ("Swahili", "Kiswahili", "swa", "swh"),
    "ta": ("Tamil", "தமிழ்", "tam"),
    "te": ("Telugu", "తెలుగు", "tel"),
    "tg": ("Tajik", "тоҷикӣ", "tgk"),
    "th": ("Thai", "ไทย", "ภาษาไทย", "tha"),
    "tk": ("Turkmen", "türkmençe", "tuk"),
    "tl": ("Tagalog", "Filipino", "tgl", "fil"),
    "tr": ("Turkish", "Türkçe", "tur"),
    "tt": ("Tatar", "татарча", "tat"),
    UNKNOWN: ("unknown language", "undetermined"),
    "ug": ("Uyghur", "ئۇيغۇرچە", "uig"),
    "uk": ("Ukrainian", "українська", "ukr"),
    "ur": ("Urdu", "اردو", "urd"),
    "uz": ("Uzbek", "oʻzbekcha", "o'zbekcha", "uzb"),
    "vec": ("Venetian",),
    "vi": ("Vietnamese", "Tiếng Việt", "vie"),
    "vo": ("Volapük", "vol"),
    "wa": ("Walloon", "walon", "wln"),
    "xh": ("Xhosa", "isiXhosa", "xho"),
    "yo": ("Yoruba", "Yorùbá", "yor"),
    "zh": ("Chinese", "中文", "汉语", "漢語", "Mandarin", "zho", "chi", "cmn"),
    "zu": ("Zulu", "isiZulu", "zul"),
}

# Similarity of spellings from which one is proposed for another.
_MIN_SIMILARITY = 0.75


def english_name(code: str) -> str:
    """English name of a language; the code itself where there is none in the list."""
    return LANGUAGES[code][0] if code in LANGUAGES else code


def named_codes(codes: Iterable[str]) -> str:
    """Names with codes, such as "German (de), English (en)"."""
    return ", ".join(f"{english_name(code)} ({code})" for code in codes)


def named_shares(shares: Iterable[tuple[str, float]]) -> str:
    """Names with shares, such as "German (70 %), English (30 %)"."""
    return ", ".join(f"{english_name(code)} ({percent(share)})" for code, share in shares)


def parse_language(language: str) -> str:
    """The ISO 639-1 code of a language.

    Parameters
    ----------
    language : str
        English name, own name, two- or three-letter code, with or without a region; letter case is ignored.

    Raises
    ------
    InputError
        If it is not known; the message names the closest one.

    Examples
    --------
    >>> [parse_language(name) for name in ("de", "deu", "de-AT", "German", "deutsch")]
    ['de', 'de', 'de', 'de', 'de']

    """
    spellings = _spellings()
    key = _spelling(language)
    code = spellings.get(key) or spellings.get(re.split(r"[-_]", key)[0])
    if code is not None:
        return code
    close = difflib.get_close_matches(key, spellings, n=1, cutoff=_MIN_SIMILARITY)
    hint = f"; did you mean {english_name(spellings[close[0]])} ({spellings[close[0]]})?" if close else ";"
    raise InputError(f"language {language!r} is not known{hint} names and codes are listed in docs/languages.md")


def parse_languages(language: str | Sequence[str]) -> tuple[str, ...]:
    """Distinct codes of one or several languages: "de", "de,fr" or ["de", "fr"]; see `parse_language`.

    Raises
    ------
    InputError
        If one is not known, or none is given.
    """
    names = language.split(",") if isinstance(language, str) else list(language)
    if not names:
        raise InputError("language names no language; give a name or code, 'auto' or 'none'")
    if len(names) > 1 and (alone := {AUTO, NONE} & set(map(_spelling, names))):
        raise InputError(f"language {min(alone)!r} stands alone; leave out the others, or it")
    return tuple(dict.fromkeys(map(parse_language, names)))


def percent(share: float) -> str:
    """A share in percent, such as "70 %"."""
    return f"{share:.0%}".replace("%", " %")


def _spelling(name: str) -> str:
    return unicodedata.normalize("NFC", str(name)).strip().casefold()


@cache
def _spellings() -> dict[str, str]:
    """Code of each name and code."""
    return {_spelling(name): code for code, names in LANGUAGES.items() for name in (code, *names)}
