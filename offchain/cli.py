"""Command line of Headrace: ``headrace COMMAND``.

A command is a module of :mod:`offchain.commands` that holds a click command of its own name. It is
imported when it is called, so that ``headrace --help`` does not wait for all of them.
"""

import pkgutil
from importlib import import_module

import click

from offchain import commands


class _CommandFolder(click.Group):
    """The modules of a package as commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return sorted(module.name for module in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command = getattr(import_module(f"{commands.__name__}.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_CommandFolder)
@click.version_option(package_name="headrace", prog_name="headrace")
def main() -> None:
    """ZK perpetuals exchange: collateral on L1, private matching, proven settlement."""


if __name__ == "__main__":
    main()
