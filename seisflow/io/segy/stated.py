"""Bytes of trace headers that a text header states, in the words of Petrel, OpendTect, ProMAX and others."""

import re

_NUMBER = r"(?:[-_ ]?(?:no|num\w*|nr|#)\.?)?"
_INLINE = r"\bi(?:n[-_ ]?)?line" + _NUMBER
_CROSSLINE = r"\b(?:x|cross)[-_ ]?line" + _NUMBER
_X = r"(?:\bx[-_ ]?coord\w*|\beasting|\b(?:cdp|ens\w*|bin|midpoint|cmp)[-_ ]?x\b(?:[-_ ]?coord\w*)?)"
_Y = r"(?:\by[-_ ]?coord\w*|\bnorthing|\b(?:cdp|ens\w*|bin|midpoint|cmp)[-_ ]?y\b(?:[-_ ]?coord\w*)?)"
_BYTE = r"\bbytes?\W{0,3}(?:no\.?|pos\w*|loc\w*|in header|at)?\W{0,3}(\d{1,3})\b"
_REVISION_1 = re.compile(r"positions?\s+according\s+to\s+the\s+seg-?y\s+rev\.?\s*1", re.IGNORECASE)
_STANDARD = (189, 193), (181, 185)
_LAST = 237  # first byte of the last 4-byte field

Places = tuple[int, int]


def stated_lines(text: str) -> Places | None:
    """Return the bytes of inline and crossline that a text header names, if it names both."""
    return _pair(text, _INLINE, _CROSSLINE) or (_STANDARD[0] if _REVISION_1.search(text) else None)


def stated_coordinates(text: str) -> Places | None:
    """Return the bytes of easting and northing that a text header names, if it names both."""
    return _pair(text, _X, _Y) or (_STANDARD[1] if _REVISION_1.search(text) else None)


def stated_bytes(text: str) -> tuple[int, ...]:
    """Return all bytes that a text header names."""
    return (*(stated_lines(text) or ()), *(stated_coordinates(text) or ()))


def _pair(text: str, one: str, other: str) -> Places | None:
    together = re.search(
        one
        + r"\W{1,3}(?:and\W+)?"
        + other
        + r"[^\n]{0,30}?"
        + _BYTE
        + r"(?:\s*-\s*\d+)?\W+(?:and\W+)?(\d{1,3})",
        text,
        re.IGNORECASE,
    )
    found = [(int(together[1]), int(together[2]))] if together else []
    for ones, others in zip(_matches(text, one), _matches(text, other), strict=True):
        if ones and others:  # both in the same way
            found.append((int(ones[1]), int(others[1])))
    for first, second in found:
        if first != second and min(first, second) >= 1 and max(first, second) <= _LAST:
            return first, second
    return None


def _matches(text: str, name: str) -> list[re.Match[str] | None]:
    """Return where each way of writing has the first byte of a field: after its name, or before it."""
    patterns = (
        name + r"[^\n]{0,40}?" + _BYTE,
        r"\bbytes?\W{0,3}(\d{1,3})(?:\s*-\s*\d{1,3})?\s*[:=]?\s*(?:is\s+|3d\s+)?" + name,
        r"\b(\d{1,3})\s*-\s*\d{1,3}\s*[:=]?\s*" + name,
        name + r"\s*[:=(]{1,2}\s*(\d{1,3})\s*-\s*\d{1,3}\b",
    )
    return [re.search(pattern, text, re.IGNORECASE) for pattern in patterns]
