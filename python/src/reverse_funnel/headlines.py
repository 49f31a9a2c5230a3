"""The headline tables in a terminal: created against target, coverage, and the next start.

Sums are of additive columns only (counts and amounts over cells of one month or quarter); every
ratio is computed from sums, and one that has nothing to divide by prints as a dash, never as 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from reverse_funnel.errors import ReverseFunnelError
from reverse_funnel.text import count, money, multiple, percent, share_of

Row = Mapping[str, Any]
Query = Callable[[str], Sequence[Row]]

# The current month's row of a cell holds its sums to date: over cells they add up.
_TO_DATE = ", ".join(
    f"sum({period}_{measure}) as {period}_{measure}"
    for period in ("qtd", "ytd")
    for measure in ("created_count", "target_count", "created_amount", "target_amount")
)
CREATED_QUERY = f"""
select segment, fiscal_quarter, plan_version, as_of_date, {_TO_DATE}
from {{{{ ref('pipeline_created_vs_target') }}}}
where period_status = 'current' and is_plan_in_force
group by segment, fiscal_quarter, plan_version, as_of_date
order by segment
"""
COVERAGE_QUERY = """
select
    close_quarter, horizon, cell_level, segment, as_of_date, open_amount_real, bookings_goal,
    won_to_date, coverage_ratio, to_go_coverage, required_coverage, gap_amount
from {{ ref('pipeline_coverage') }}
where cell_level in ('company', 'segment')
  and as_of_date = (select max(as_of_date) from {{ ref('pipeline_coverage') }})
order by horizon, cell_level desc, segment
"""
STARTING_QUERY = """
select
    close_quarter, weeks_to_start, cell_level, segment, as_of_date, open_amount_real,
    forecast_start_amount, p10, p90, bookings_goal, forecast_coverage, required_coverage,
    gap_amount, p_sufficient
from {{ ref('starting_coverage_forecast') }}
where is_latest and horizon = 1 and cell_level in ('company', 'segment')
order by cell_level desc, segment
"""


def headlines(query: Query, *, currency: str) -> RenderableType:
    """Return the tables, read through a query function such as `DbtProject.query`.

    Without a snapshot of pipeline there is nothing to forecast the next start from, and no table.
    """
    tables = [
        created_table(query(CREATED_QUERY), currency=currency),
        coverage_table(query(COVERAGE_QUERY), currency=currency),
    ]
    starting = query(STARTING_QUERY)
    return Group(*tables, *([starting_table(starting, currency=currency)] if starting else []))


def created_table(rows: Sequence[Row], *, currency: str) -> RenderableType:
    """Return pipeline created against target by segment, quarter and year to date."""
    if not rows:
        raise ReverseFunnelError(
            "no month of pipeline_created_vs_target is the current one",
            remedy="build the warehouse first: dbt build",
        )
    first = rows[0]
    plan = first["plan_version"]
    table = Table(
        title=f"Pipeline created vs target, {currency}, as of {_day(first['as_of_date'])}",
        caption=f"{first['fiscal_quarter']} to the end of the current month · plan {plan}",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("Segment")
    for period in ("Quarter", "Year"):
        table.add_column(f"{period}: opportunities\ncreated / target", justify="right")
        table.add_column(f"{period}: amount\ncreated / target", justify="right")
        table.add_column("of target", justify="right")
    for row in rows:
        table.add_row(str(row["segment"]), *_to_date(row))
    table.add_section()
    table.add_row("Total", *_to_date(_total(rows)))
    return table


def _to_date(row: Row) -> list[str]:
    cells = []
    for period in ("qtd", "ytd"):
        created, target = row[f"{period}_created_amount"], row[f"{period}_target_amount"]
        numbers = count(row[f"{period}_created_count"]), count(row[f"{period}_target_count"])
        cells += [
            " / ".join(numbers),
            f"{money(created)} / {money(target)}",
            percent(share_of(created, target)),
        ]
    return cells


def _total(rows: Sequence[Row]) -> dict[str, Any]:
    """Sum every to-date column; a column nobody has a value in stays empty."""
    total: dict[str, Any] = {}
    for name in rows[0]:
        if name.startswith(("qtd_", "ytd_")):
            known = [row[name] for row in rows if row[name] is not None]
            total[name] = sum(known) if known else None
    return total


def coverage_table(rows: Sequence[Row], *, currency: str) -> RenderableType:
    """Return the coverage of this quarter and the next two, by segment and for the company."""
    if not rows:
        raise ReverseFunnelError(
            "pipeline_coverage is empty", remedy="build the warehouse first: dbt build"
        )
    table = Table(
        title=f"Pipeline coverage, {currency}, as of {_day(rows[0]['as_of_date'])}",
        caption="Open real pipeline dated to the quarter ÷ its bookings goal; to go: ÷ what is "
        "still to be won. Required is what week 3 of a quarter takes. Totals are the company's "
        "own: a surplus of one segment makes good what another lacks",
        title_justify="left",
        caption_justify="left",
    )
    for heading in ("Quarter", "Segment"):
        table.add_column(heading)
    for heading in ("Open", "Goal", "Won", "Coverage", "To go", "Required", "Gap"):
        table.add_column(heading, justify="right")
    quarter = None
    for row in rows:
        if row["close_quarter"] != quarter and quarter is not None:
            table.add_section()
        company = row["cell_level"] == "company"
        table.add_row(
            str(row["close_quarter"]) if row["close_quarter"] != quarter else "",
            "Total" if company else str(row["segment"]),
            money(row["open_amount_real"]),
            money(row["bookings_goal"]),
            money(row["won_to_date"]),
            multiple(row["coverage_ratio"]),
            multiple(row["to_go_coverage"]),
            multiple(row["required_coverage"]),
            money(row["gap_amount"]),
            style="bold" if company else None,
        )
        quarter = row["close_quarter"]
    return table


def starting_table(rows: Sequence[Row], *, currency: str) -> RenderableType:
    """Return what the next quarter is expected to start with, by segment and for the company."""
    first = rows[0]
    weeks = int(first["weeks_to_start"])
    table = Table(
        title=f"What {first['close_quarter']} will start with, {currency}, "
        f"{weeks} week{'' if weeks == 1 else 's'} before, as of {_day(first['as_of_date'])}",
        caption="Real pipeline expected on the first day, and the 80 % range; coverage and gap of "
        "what is expected, against what week 3 takes; the chance that it is enough. Totals are the "
        "company's own",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("Segment")
    for heading in ("Dated today", "Expected", "From", "To", "Goal"):
        table.add_column(heading, justify="right")
    for heading in ("Coverage", "Required", "Gap", "Enough"):
        table.add_column(heading, justify="right")
    for row in rows:
        company = row["cell_level"] == "company"
        table.add_row(
            "Total" if company else str(row["segment"]),
            *(
                money(row[name])
                for name in (
                    "open_amount_real",
                    "forecast_start_amount",
                    "p10",
                    "p90",
                    "bookings_goal",
                )
            ),
            multiple(row["forecast_coverage"]),
            multiple(row["required_coverage"]),
            money(row["gap_amount"]),
            percent(row["p_sufficient"]),
            style="bold" if company else None,
        )
    return table


def _day(value: Any) -> str:
    return str(value)[:10]
