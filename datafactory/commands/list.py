"""list: the parts there are, by kind."""

from __future__ import annotations

import click


@click.command(name="list")
@click.argument(
    "kind", type=click.Choice(["stages", "verifiers", "judges", "rewritings", "filters", "engines", "models"])
)
def list_(kind: str) -> None:
    """Name the stages, verifiers, judges, rewritings, filters, engines or embedded models there are."""
    from datafactory import plugins
    from datafactory.models import KNOWN

    if kind == "models":
        names = {f"pypi:{pin}": f"sha256 {sha256[:12]}..." for pin, sha256 in KNOWN.items()}
    else:
        names = {name: plugins.summary(kind[:-1], name) for name in plugins.names(kind[:-1])}
    width = max(map(len, names))
    for name, summary in names.items():
        click.echo(f"{name:<{width}}  {summary}")
