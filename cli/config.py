"""``seisflow config``: the presets, and what their keys mean."""

import click

from . import options


@click.group()
def command() -> None:
    """List the presets, or show every key of one."""


@command.command("list")
def list_() -> None:
    """List the presets that ``train -c`` takes, each with what it is for."""
    from seisflow.config import preset_names
    from seisflow.config.presets import preset_title

    for name in preset_names():
        options.echo(f"{name}  {preset_title(name)}")


@command.command("show")
@click.argument("name")
@options.overrides
def show(name: str, overrides: tuple[str, ...]) -> None:
    """Print every key of NAME, a preset or a YAML file, with its value and what it means.

    The output is a config file itself: save it, change it, and train with -c FILE.
    """
    from seisflow.config import load_config
    from seisflow.config.show import as_commented_yaml

    options.echo(as_commented_yaml(load_config(name, overrides)), nl=False)
