"""Text from files as it may be shown: on a terminal, in a line, in a picture."""


def shown(text: object, keep: str = "") -> str:
    r"""Return a text with what would move a cursor, or is no character, written out.

    Escape sequences in headers, attributes and names could else change a terminal's title or clipboard, or
    hide what follows; bytes of a name that are not UTF-8 could not be written at all.

    Parameters
    ----------
    text : object
    keep : str
        Signs that stay as they are, such as a line's end.

    Examples
    --------
    >>> print(shown("line\x1b[2J.sgy"))
    line\x1b[2J.sgy
    """
    return "".join(sign if sign.isprintable() or sign in keep else _written(sign) for sign in str(text))


def _written(sign: str) -> str:
    code = ord(sign)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as Python keeps it
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
