"""Chapters of pages in docs/ that are made from results."""

from pathlib import Path

from seisflow.io.atomic import replace_text


def put(page: Path, name: str, text: str, title: str) -> Path:
    """Put ``text`` between the marks ``name`` of a page; a missing page begins with its title."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    old = page.read_text() if page.is_file() else f"# {title}\n"
    if begin not in old or end not in old:
        old = f"{old.rstrip()}\n\n{begin}\n{end}\n"
    before, rest = old.split(begin, 1)
    after = rest.split(end, 1)[1]
    page.parent.mkdir(parents=True, exist_ok=True)
    replace_text(page, f"{before}{begin}\n{text}\n{end}{after}")
    return page
