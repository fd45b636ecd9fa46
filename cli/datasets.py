"""``seisflow datasets``: the data sets that seisflow knows."""

import json
from pathlib import Path
from textwrap import fill

import click

from seisflow.errors import DataError

from . import options


@click.group(invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List the data sets that seisflow knows, or bring one here."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_)


@command.command("list")
@options.as_json
def list_(as_json: bool = False) -> None:
    """List the data sets, with size, licence and credit."""
    from seisflow.io import catalog, images  # here: --help does not wait for pydantic

    sections = [catalog.card(name) for name in catalog.names()]
    pictures = [images.card(name) for name in images.names()]
    if as_json:
        options.echo(json.dumps([card.model_dump(mode="json") for card in (*sections, *pictures)], indent=2))
        return
    rows = [(one.name, one.title, f"{one.bytes / 1e6:.1f} MB", one.licence, one.credit) for one in sections]
    for known in pictures:
        counts = f"{known.counts['train']:,} + {known.counts['test']:,} images"
        rows.append((known.name, known.title, counts, known.licence, known.credit))
    for name, title, size, licence, credit in rows:
        options.echo(name)
        for text in (f"{title}; {size}", f"licence: {licence}", f"credit: {credit}"):
            options.echo(fill(text, options.WIDTH, initial_indent="  ", subsequent_indent="    "))


@command.command("fetch")
@click.argument("name")
@options.data
def fetch(name: str, data: Path | None) -> None:
    """Check data set NAME against its checksum and print where it is; images are downloaded first."""
    import pooch  # here: --help does not wait for requests and pydantic

    from seisflow.io import catalog, images

    if name in images.names():
        for file in images.fetch(name, data):
            options.echo(file)
        return
    path = catalog.locate(name)
    found, expected = pooch.file_hash(str(path), alg="sha256"), catalog.card(name).sha256
    if found != expected:
        raise DataError(f"{path}: sha256 is {found}, {expected} was expected. Install seisflow again")
    options.echo(path)
