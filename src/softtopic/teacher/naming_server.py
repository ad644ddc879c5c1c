"""Names of topics by the model behind an OpenAI-compatible server, one request for each topic."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from softtopic.errors import LanguageModelError
from softtopic.teacher.endpoint import Endpoint
from softtopic.teacher.server import CONCURRENT_REQUESTS

INSTRUCTION = (
    "You name the topics of a text collection. Answer with one name of one to four words, in {language}, and nothing "
    "else."
)
THAT_OF_TEXTS = "the language of the texts"

# Characters of a token in English, by which tokens are counted before they are sent.
_CHARACTERS_PER_TOKEN = 4
_MAX_ANSWER_TOKENS = 24


def name_requests(words: Sequence[Sequence[str]], documents: Sequence[Sequence[str]]) -> list[str]:
    """What is sent for each topic: its words, and beginnings of its documents where there are any."""
    return [
        "\n".join([f"Words: {', '.join(own)}", *(f"Text: {text}" for text in texts), "Name:"])
        for own, texts in zip(words, documents, strict=True)
    ]


def estimate_tokens(requests: Sequence[str]) -> int:
    """Tokens of all requests and answers, by their characters."""
    per_request = len(INSTRUCTION) // _CHARACTERS_PER_TOKEN + _MAX_ANSWER_TOKENS
    return sum(-(-len(text) // _CHARACTERS_PER_TOKEN) + per_request for text in requests)


def request_names(
    url: str, requests: Sequence[str], *, model: str | None = None, language: str = THAT_OF_TEXTS
) -> list[str]:
    """The names that a server gives, not yet distinct.

    An API key is taken from the environment variable SOFTTOPIC_API_KEY.

    Parameters
    ----------
    url : str
        Base address, such as "http://localhost:8080/v1".
    requests : sequence of str
        See `name_requests`.
    model : str or None, default=None
        Name of the model, for servers that have several.
    language : str, default="the language of the texts"
        Language of the names, such as "German".

    Raises
    ------
    InputError
        If `url` is not an address.
    LanguageModelError
        If the server fails or gives no text.
    """
    endpoint = Endpoint(url)
    options = {} if model is None else {"model": model}

    def request(text: str, *, retry: bool = True) -> str:
        messages = [
            {"role": "system", "content": INSTRUCTION.format(language=language)},
            {"role": "user", "content": text},
        ]
        body = {"messages": messages, "max_tokens": _MAX_ANSWER_TOKENS, "temperature": 0}
        answer = endpoint.post("/chat/completions", options | body, retry=retry)
        try:
            return clean_name(answer["choices"][0]["message"]["content"])
        except (KeyError, IndexError, TypeError, AttributeError):
            raise LanguageModelError(f"server {url} gives no text; give the address of one that chats") from None

    # Without retries: a server that is not there is reported at once.
    first = [request(text, retry=False) for text in requests[:1]]
    with ThreadPoolExecutor(CONCURRENT_REQUESTS) as pool:
        return [*first, *pool.map(request, requests[1:])]


def clean_name(answer: str) -> str:
    """The first line of an answer that is not blank, without quotes and a full stop.

    Examples
    --------
    >>> clean_name('Name: "Space exploration".')
    'Space exploration'
    """
    line = next((line for line in answer.splitlines() if line.strip()), "")
    printable = "".join(char if char.isprintable() else " " for char in line)
    return " ".join(printable.removeprefix("Name:").strip(" .*\"'`«»“”„").split())
