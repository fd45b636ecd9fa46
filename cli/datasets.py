"""``seisflow datasets``: the data sets that seisflow knows."""

import json

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
    from seisflow.io import catalog  # here: --help does not wait for pydantic

    cards = [catalog.card(name) for name in catalog.names()]
    if as_json:
        click.echo(json.dumps([card.model_dump(mode="json") for card in cards], indent=2))
        return
    for card in cards:
        click.echo(f"{card.name}  {card.title} ({card.bytes / 1e6:.1f} MB, {card.licence}: {card.credit})")


@command.command("fetch")
@click.argument("name")
def fetch(name: str) -> None:
    """Check data set NAME against its checksum and print where it is."""
    import pooch  # here: --help does not wait for requests and pydantic

    from seisflow.io import catalog

    path = catalog.locate(name)
    found, expected = pooch.file_hash(str(path), alg="md5"), catalog.card(name).md5
    if found != expected:
        raise DataError(f"{path}: md5 is {found}, {expected} was expected. Install seisflow again")
    click.echo(path)
