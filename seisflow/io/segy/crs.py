"""Coordinate reference system, where a text header tells it."""

import re

_ZONES = {
    r"ED ?50|EUROPEAN (DATUM )?1950": 23000,
    r"WGS[ _]?(19)?84": 32600,
    r"NAD ?(19)?83": 26900,
    r"NAD ?(19)?27": 26700,
    r"ETRS ?(19)?89": 25800,
}
"""EPSG codes of UTM zones on the northern hemisphere, less the number of the zone."""
_SOUTH = {32600: 32700}
_UTM = re.compile(r"UTM[ _-]*(?:ZONE)?[ _-]*(\d{1,2}) *([NS])?|ZONE[ _-]*(\d{1,2})[ _-]*(N|S)")


def crs_of_text(text: str) -> str | None:
    """EPSG code that a text header names, or that of the datum and UTM zone it names; None where it does not.

    Examples
    --------
    >>> crs_of_text('C 6 CRS: ED50-UTM31 ("MENTOR:ED50-UTM31:European 1950 Based UTM, Zone 31 North')
    'EPSG:23031'
    """
    upper = text.upper()
    if code := re.search(r"EPSG[ :=#]*(\d{4,6})\b", upper):
        return f"EPSG:{code[1]}"
    zones = {(found[1] or found[3], found[2] or found[4] or "") for found in _UTM.finditer(upper)}
    datums = {base for pattern, base in _ZONES.items() if re.search(pattern, upper)}
    numbers = {number for number, _ in zones}
    if len(numbers) != 1 or len(datums) != 1:
        return None
    base, zone = datums.pop(), int(numbers.pop())
    if not 1 <= zone <= 60:
        return None
    south = any(side == "S" for _, side in zones) or "SOUTHERN HEMISPHERE" in upper
    if south and base not in _SOUTH:
        return None
    return f"EPSG:{(_SOUTH[base] if south else base) + zone}"
