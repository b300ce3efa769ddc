"""Command line of Headrace: ``headrace COMMAND``.

A command is a module of :mod:`offchain.commands` that holds a click command of its own name, with
hyphens for underscores. It is imported when it is called, so that ``headrace --help`` does not wait
for all of them.
"""

import pkgutil
from importlib import import_module

import click

from offchain import commands


class _CommandFolder(click.Group):
    """The modules of a package as commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        names = (module.name for module in pkgutil.iter_modules(commands.__path__))
        return sorted(name.replace("_", "-") for name in names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        name = cmd_name.replace("-", "_")
        command = getattr(import_module(f"{commands.__name__}.{name}"), name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_CommandFolder)
@click.version_option(package_name="headrace", prog_name="headrace")
def main() -> None:
    """ZK perpetuals exchange: collateral on L1, private matching, proven settlement."""


if __name__ == "__main__":
    main()
