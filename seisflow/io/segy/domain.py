"""Time or depth: what a text header says of the vertical axis."""

import re

_FLAGS = re.IGNORECASE | re.MULTILINE
_NUMBER = r"\d+(?:\.\d+)?"
_LENGTH = r"(?P<unit>m|mtrs?|metres?|meters?|ft|f(?:oo|ee)t)\b"
_DURATION = r"(?:m\.?s|msecs?|milli\s?sec\w*|us|usecs?|micro\s?sec\w*|s|secs?|seconds?)\b"
_SAMPLED = (
    r"\bsamp(?:l\w*|\.)?\s*(?:int(?:erval|\.)?|rate|step|spacing|period|size)?\s*[:=\-]*\s*(?:is|of)?\s*"
)

# What states the axis, then what states its interval with a unit, then what only mentions depth.
_STATED_DEPTH = tuple(
    re.compile(pattern, _FLAGS)
    for pattern in (
        r"\bdepth\s+min\b",
        r"\bdomain\s*[:=]?\s*depth|\bdepth[\s-]+domain\b",
        r"\bdepth\s+survey\b(?:.*\bmillisec\s*=\s*1\s*" + _LENGTH + ")?",
        r"\b(?:vertical|depth|z)[\s-]*(?:axis\s*)?units?\b\s*[:=]?\s*(?:is|are|in)?\s*" + _LENGTH,
        r"\bdepth\s+(?:step|interval|sampling|increment)\b",
    )
)
_STATED_TIME = re.compile(
    r"\btime\s+min\b|\bdomain\s*[:=]?\s*(?:two[\s-]?way[\s-]*)?time|\btime[\s-]+domain\b|\btwt\b"
    r"|\b(?:vertical|time|z)[\s-]*(?:axis\s*)?units?\b\s*[:=]?\s*"
    + _DURATION
    + r"|\b(?:in|to|into)\s+time\b",
    _FLAGS,
)
_INTERVAL_OF_LENGTH = (
    re.compile(_SAMPLED + _NUMBER + r"\s*" + _LENGTH, _FLAGS),
    re.compile(_NUMBER + r"\s*" + _LENGTH + r"\s*(?:vertical\s*)?(?:sampl\w+|samp\b)", _FLAGS),
    re.compile(r"\b(?:dz|delta[\s-]?z)\s*[:=]?\s*" + _NUMBER + r"\s*(?:" + _LENGTH + ")?", _FLAGS),
)
_INTERVAL_OF_TIME = re.compile(
    _SAMPLED + _NUMBER + r"\s*" + _DURATION + "|" + _NUMBER + r"\s*" + _DURATION + r"\s*sampl", _FLAGS
)
_MENTIONED_DEPTH = re.compile(
    r"\bin\s+depth\b(?:\s*\(\s*" + _LENGTH + r")?"
    r"|\bdepth[\s-]+(?:migrat\w+\s+|convert\w+\s+|stretch\w+\s+)?(?:section|volume|cube|stack|data)\b",
    _FLAGS,
)


def guess_domain(text: str) -> tuple[str, str | None]:
    """Tell depth from time by what a text header says; time where it says neither, or both.

    Returns
    -------
    domain : {"time", "depth"}
    unit : {"m", "ft"} or None
        Unit of depth, where the text gives it.
    """
    unit = next((found for match in _lengths(text) if (found := _unit(match))), None)
    stated = any(pattern.search(text) for pattern in _STATED_DEPTH)
    if stated or _STATED_TIME.search(text):
        return ("depth", unit) if stated and not _STATED_TIME.search(text) else ("time", None)
    if _INTERVAL_OF_TIME.search(text):
        return "time", None
    is_depth = any(pattern.search(text) for pattern in _INTERVAL_OF_LENGTH) or _MENTIONED_DEPTH.search(text)
    return ("depth", unit) if is_depth else ("time", None)


def _lengths(text: str) -> list[re.Match[str]]:
    patterns = (*_STATED_DEPTH, *_INTERVAL_OF_LENGTH, _MENTIONED_DEPTH)
    return [match for pattern in patterns for match in pattern.finditer(text)]


def _unit(match: re.Match[str]) -> str | None:
    """Return the unit that a match holds, as m or ft."""
    found = match.groupdict().get("unit")
    return None if not found else ("ft" if found.lower().startswith("f") else "m")
