"""Numbers in messages."""


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """A number of things with its noun; `plural` where it does not add an s.

    Examples
    --------
    >>> counted(1500, "document"), counted(1, "edit"), counted(2, "copy", "copies")
    ('1,500 documents', '1 edit', '2 copies')
    """
    return f"{n:,} {noun if n == 1 else plural or f'{noun}s'}"
