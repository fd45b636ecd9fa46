"""SEG-Y text headers: 40 lines of 80 characters, in EBCDIC or ASCII."""

import textwrap

from seisflow.io.segy.headers import TEXT_BYTES

_LINE, _PREFIX = 80, 4
_KEPT = ("SEG Y REV", "END ")
_CODECS = {"ebcdic": "cp037", "ascii": "latin-1"}


def encode_text(lines: list[str], encoding: str) -> bytes:
    """Return a 3200-byte text header of up to 40 lines, cut at 80 characters."""
    text = "".join(line[:_LINE].ljust(_LINE) for line in lines[:40]).ljust(TEXT_BYTES)
    return text.encode(_CODECS[encoding], "replace")


def with_note(raw: bytes, note: str, encoding: str) -> bytes:
    """Put a note into the last blank lines of a text header, and leave all other bytes as they are.

    Without a blank line, the note replaces the last line that the standard does not keep for itself.
    """
    if not note:
        return raw
    codec = _CODECS[encoding]
    lines = [raw[i : i + _LINE] for i in range(0, TEXT_BYTES, _LINE)]
    texts = [line.decode(codec) for line in lines]
    blank = [i for i, text in enumerate(texts) if not text[3:].strip(" \0") and _is_prefix(text[:3])]
    free = [i for i, text in enumerate(texts) if not any(mark in text.upper() for mark in _KEPT)]
    parts = textwrap.wrap(note, _LINE - _PREFIX)
    places = (blank or free[-1:] or [len(lines) - 1])[-len(parts) :]
    for place, part in zip(places, parts, strict=False):
        prefix = texts[place][:3] if texts[place][:1] in ("C", "c") else f"C{place + 1:02d}"
        lines[place] = f"{prefix} {part}".ljust(_LINE).encode(codec, "replace")
    return b"".join(lines)


def _is_prefix(start: str) -> bool:
    """Tell whether three characters are blank, or number a line: C 1, C01."""
    return not start.strip(" \0") or (start[0] in "Cc" and not start[1:].strip(" 0123456789\0"))
