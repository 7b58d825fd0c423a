"""What a platform may call its own users; pure."""

from typing import Final

LENGTH_MAX: Final = 128


def is_external_id(text: object) -> bool:
    """Return whether `text` is 1 to 128 visible characters: no blank, control or half surrogate."""
    return (
        isinstance(text, str)
        and 1 <= len(text) <= LENGTH_MAX
        and all(character.isprintable() and not character.isspace() for character in text)
    )


def of_header(value: str) -> str:
    """Return a header's text as its sender meant it.

    WSGI reads header bytes as Latin-1; a platform that calls a user 李雷 sends UTF-8.
    """
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
