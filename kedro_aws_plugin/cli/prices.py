"""`kedro aws prices`."""

from typing import TYPE_CHECKING, Any

import click

from kedro_aws_plugin.cli.options import with_read_options
from kedro_aws_plugin.cli.plan_command import open_command

if TYPE_CHECKING:
    from kedro_aws_plugin.plan.cost import PriceList


@click.command("prices")
@click.option(
    "--refresh", is_flag=True, help="Read AWS's public price list of the region, without credentials."
)
@with_read_options
def prices(refresh: bool, env: str | None, output: str) -> None:
    """Show what the instances and sizes of aws.yml cost on AWS.

    The prices are those of AWS's public price list, on the day that is shown. Before the first --refresh they
    are unknown. It asks AWS only with --refresh, and says which address.
    """
    from kedro_aws_plugin.actions.pricing import list_usages
    from kedro_aws_plugin.actions.tables import format_table
    from kedro_aws_plugin.aws.prices import fetch_prices, find_cache, load_prices, make_url, save_prices

    with open_command(env, connect=False) as this:
        config = this.project.config
        if refresh:
            click.echo(f"Asking {make_url(config.region)}", err=True)
            known = fetch_prices(config.region)
            file = save_prices(known, find_cache())
            click.echo(f"{len(known.prices)} prices of {known.published} are kept in {file}", err=True)
        found = load_prices(config.region, find_cache())
        usages = list_usages(config)
        if output == "json":
            this.show_json(_as_json(found, config.region, usages))
            return
        if found is None:
            this.show(f"price unknown in {config.region}. Read AWS's price list: kedro aws prices --refresh")
            return
        rows = [(usage, _format(found, usage)) for usage in usages]
        this.show(format_table(("usage type", "USD"), rows))
        click.echo(f"AWS price list of {found.published}, {found.source}", err=True)


def _format(found: "PriceList", usage: str) -> str:
    from kedro_aws_plugin.plan.cost import is_by_hour

    price = found.prices.get(usage)
    if price is None:
        return "price unknown"
    per = "an hour" if is_by_hour(usage) else "a second"
    return f"{price.normalize():f} {per}"


def _as_json(found: "PriceList | None", region: str, usages: list[str]) -> dict[str, Any]:
    known = found.prices if found else {}
    return {
        "region": region,
        "published": found.published if found else None,
        "source": found.source if found else None,
        "prices": {usage: format(known[usage], "f") if usage in known else None for usage in usages},
    }
