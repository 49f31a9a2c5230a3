"""The command `reverse-funnel`.

Each verb only parses, calls one function of the package and prints what it returns. Everything
heavy is imported inside the verb that needs it, so that `--help` answers at once.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from typer.core import TyperGroup

from reverse_funnel import __version__
from reverse_funnel.errors import Fault, InputError, ReverseFunnelError
from reverse_funnel.text import short_path

if TYPE_CHECKING:
    from reverse_funnel.warehouse import DbtProject

# Exit code of a gate that must not be passed.
STOP = 3

# Width of tables where there is no terminal to fit them to, as in a log.
LOG_WIDTH = 140


class ReportingGroup(TyperGroup):
    """Prints what a person can put right without a traceback, and exits with its code."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the verb."""
        try:
            return super().invoke(ctx)
        except ReverseFunnelError as error:
            _print_error(str(error))
            raise typer.Exit(error.exit_code) from error
        except OSError as error:
            if error.filename is None:
                raise
            _print_error(f"{error.filename}: {error.strerror}")
            raise typer.Exit(ReverseFunnelError.exit_code) from error


app = typer.Typer(
    name="reverse-funnel",
    cls=ReportingGroup,
    help="Pipeline targets from bookings goals, worked backwards through a measured funnel.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    add_completion=False,
)

ProjectDir = Annotated[
    Path | None,
    typer.Option(
        "--project-dir",
        help="Folder of dbt_project.yml. By default looked for from here upwards.",
        rich_help_panel="Project",
        show_default=False,
    ),
]
ProfilesDir = Annotated[
    Path | None,
    typer.Option(
        "--profiles-dir",
        help="Folder of profiles.yml. By default the project's, the current one, or ~/.dbt.",
        rich_help_panel="Project",
        show_default=False,
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        "--target",
        help="Target of the profile. By default the profile's own.",
        rich_help_panel="Project",
        show_default=False,
    ),
]


def main() -> None:
    """Run the command line; the entry point of the distribution."""
    app()


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """Pipeline targets from bookings goals, worked backwards through a measured funnel."""
    if version:
        typer.echo(f"reverse-funnel {__version__}")
        raise typer.Exit


def _examples(*commands: str) -> str:
    return "\n\n".join(["[bold]Examples[/bold]", *(f"  {command}" for command in commands)])


@app.command(
    epilog=_examples(
        "reverse-funnel demo",
        "reverse-funnel demo --crm both",
        "reverse-funnel demo --if-missing --write-goals seeds/finance/bookings_goals.csv",
        "reverse-funnel demo --write-headcount seeds/finance/headcount.csv "
        "--write-costs seeds/finance/costs.csv",
        "reverse-funnel demo --opportunities 200000 --seed 7 --as-of 2026-06-30",
        "reverse-funnel demo --crm both --dirty 0.02",
    )
)
def demo(
    crm: Annotated[
        Literal["salesforce", "hubspot", "both"],
        typer.Option(help="The CRM whose raw tables to imitate; both: the same company in each."),
    ] = "salesforce",
    opportunities: Annotated[
        int, typer.Option(min=1, help="Number of opportunities to simulate.")
    ] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same rows.")] = 1,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="DATE",
            show_default="2026-08-31",
            help="The last day the CRM knows of.",
        ),
    ] = None,
    dirty: Annotated[
        float, typer.Option(min=0.0, max=0.5, help="Share of records with a planted fault.")
    ] = 0.0,
    write_goals: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            show_default=False,
            help="Also write bookings goals that fit the simulated company.",
        ),
    ] = None,
    write_headcount: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", show_default=False, help="Also write who sells and develops leads."
        ),
    ] = None,
    write_costs: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", show_default=False, help="Also write what pipeline and selling cost."
        ),
    ] = None,
    if_missing: Annotated[
        bool, typer.Option("--if-missing", help="Do nothing where there are CRM tables already.")
    ] = False,
    project_dir: ProjectDir = None,
    profiles_dir: ProfilesDir = None,
    target: Target = None,
) -> None:
    """Simulate a company whose true rates are known, and land its CRM as raw tables.

    Replaces the raw tables of that CRM; crm_sources in dbt_project.yml says which are read. The
    truth (rates, lags, planted faults) goes to truth.json beside the database.
    """
    from reverse_funnel import demo as company
    from reverse_funnel.warehouse import open_database, publish_raw, raw_tables, raw_workspace

    project = _project(project_dir, profiles_dir, target)
    info = project.connection()
    crms = ("salesforce", "hubspot") if crm == "both" else (crm,)
    schemas = {name: str(project.vars.get(f"{name}_schema", name)) for name in crms}
    deals = {"salesforce": "opportunity", "hubspot": "deal"}
    if if_missing and all(deals[name] in raw_tables(info, schemas[name]) for name in crms):
        there = " and ".join(f"{schema}.{deals[name]}" for name, schema in schemas.items())
        _out().print(f"{info.describe()} has {there} already: nothing done.")
        return
    asked: dict[str, Any] = {"as_of": as_of.date()} if as_of else {}
    try:
        config = company.DemoConfig(
            crm=crm,
            opportunities=opportunities,
            seed=seed,
            dirty=dirty,
            fiscal_year_start_month=int(project.vars.get("fiscal_year_start_month", 1)),
            **asked,
        )
    except ValueError as error:
        raise InputError(
            Fault(problem=str(error), remedy="see reverse-funnel demo --help")
        ) from error

    on_duckdb = info.type == "duckdb"
    beside = info.database_path.parent if on_duckdb else project.project_dir / "warehouse"
    beside.mkdir(parents=True, exist_ok=True)
    truth = beside / "truth.json"
    with (
        _progress() as progress,
        open_database(info) if on_duckdb else raw_workspace() as connection,
    ):
        summary = company.build_demo(
            connection, config, schema=schemas, truth_path=truth, progress=progress
        )
        if not on_duckdb:
            progress(f"copying to {info.describe()}", 0.99)
            for schema in schemas.values():
                publish_raw(connection, schema, info, schema)
    seeds = [
        ("Goals", write_goals, company.write_bookings_goals),
        ("Headcount", write_headcount, company.write_headcount),
        ("Costs", write_costs, company.write_costs),
    ]
    for _, path, write in seeds:
        if path:
            write(path, config)
    rows = sum(summary.rows.values())
    _out().print(
        f"{rows:,} rows in {len(summary.rows)} tables of {summary.schema} in {info.describe()}, "
        f"as of {summary.as_of}; the truth is in {short_path(truth)}.",
        soft_wrap=True,
    )
    for what, path, _ in seeds:
        if path:
            _out().print(f"{what} written to {path}.")


@app.command(
    epilog=_examples(
        "reverse-funnel load exports/",
        "reverse-funnel load exports/ --as-of 2026-06-30",
        "reverse-funnel load exports/ --strict",
    )
)
def load(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Holds opportunities.csv or .parquet, and the others."),
    ],
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="DATE",
            show_default="now",
            help="The files speak for the end of this day, UTC.",
        ),
    ] = None,
    schema: Annotated[
        str | None,
        typer.Option(show_default="flat_file", help="The raw schema to load into."),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Refuse values that do not read as their column's type."),
    ] = False,
    project_dir: ProjectDir = None,
    profiles_dir: ProfilesDir = None,
    target: Target = None,
) -> None:
    """Load flat files, CSV or Parquet, instead of a CRM.

    Only opportunities is required (opportunity_id, created_at, stage_name, amount, close_date).
    The others are opportunity_changes, leads, lead_changes, touches, accounts and users. All
    tables are replaced together, or none is.
    """
    from reverse_funnel.load import load_flat_files
    from reverse_funnel.load.report import load_summary

    project = _project(project_dir, profiles_dir, target)
    raw_schema = schema or str(project.vars.get("flat_file_schema", "flat_file"))
    with _progress() as progress:
        result = load_flat_files(
            folder,
            project.connection(),
            raw_schema=raw_schema,
            as_of=_date(as_of),
            strict=strict,
            progress=progress,
        )
    _out().print(load_summary(result, raw_schema=raw_schema))
    sources = project.vars.get("crm_sources") or []
    if "flat_file" not in sources:
        _out().print(
            "To use these tables, name them in dbt_project.yml: crm_sources: "
            f"{[*sources, 'flat_file']}",
            markup=False,
        )


@app.command(
    epilog=_examples(
        "reverse-funnel plan",
        "reverse-funnel plan --version FY2026-v1",
        "reverse-funnel plan --version FY2026-v2 --goals-version board --goal-growth 0.15",
        "reverse-funnel plan --version FY2027-v1 --goals-version FY2027",
        "reverse-funnel plan --version FY2026-v1 --as-of 2025-12-31",
    )
)
def plan(
    version: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            show_default=False,
            help="Record the targets as this plan version. Without it only the current need is "
            "refreshed.",
        ),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            help="distribution: through the whole distribution of the time to win. fixed_lag: "
            "each month is served one average cycle earlier. steady_state: each month is served by "
            "its own creation."
        ),
    ] = "distribution",
    goals_version: Annotated[
        str | None,
        typer.Option(
            metavar="V",
            show_default="those in force: by month the version approved last",
            help="Plan the months of this version of the bookings goals, or of several: 'V; W'. "
            "Only a plan version can be made of it; the current need is of the goals in force.",
        ),
    ] = None,
    goal_growth: Annotated[
        float,
        typer.Option(help="Growth a year of goals beyond the last month; 0.1 is 10 %."),
    ] = 0.0,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="DATE",
            show_default="the latest load",
            help="Plan with what was known on that day. Build it first: "
            "dbt build --selector plan_inputs --vars 'as_of_date: DATE'.",
        ),
    ] = None,
    project_dir: ProjectDir = None,
    profiles_dir: ProfilesDir = None,
    target: Target = None,
) -> None:
    """Work the bookings goals backwards into monthly targets, from pipeline to leads.

    Reads the mart assumptions and seeds/finance/bookings_goals.csv, and writes seeds/targets/.
    Covers the running fiscal year and every month after it that has a goal in force.
    A plan version is never rewritten. Run dbt build afterwards to see the targets in the marts.
    """
    from reverse_funnel.plan import PlanRequest, run_plan
    from reverse_funnel.plan.report import plan_summary
    from reverse_funnel.plan.vintages import Outcome

    day = _date(as_of)
    project = _project(project_dir, profiles_dir, target, as_of=day)
    request = PlanRequest(
        version=version,
        method=method,
        goals_version=goals_version,
        goal_growth=goal_growth,
        as_of=day,
    )
    with _status() as say:
        result = run_plan(
            request,
            query=project.query,
            seeds_dir=project.seeds_dir,
            project_vars=project.vars,
            progress=say,
        )
    summary = plan_summary(
        result.plan,
        currency=str(project.vars.get("corporate_currency", "USD")),
        fiscal_year_start_month=int(project.vars.get("fiscal_year_start_month", 1)),
    )
    _out().print(summary)
    if version is None:
        _out().print("The current need is refreshed; no plan version was recorded.")
    elif result.outcome is Outcome.UNCHANGED:
        _out().print(f"Plan {version} is unchanged.")
    else:
        _out().print(f"Plan {version} is recorded in {short_path(project.seeds_dir / 'targets')}.")


@app.command(
    epilog=_examples(
        "reverse-funnel replan --version FY2026-v2 --base FY2026-v1",
        "reverse-funnel replan --version FY2026-v2 --base FY2026-v1 --policy spread",
        "reverse-funnel replan --version FY2026-v2 --base FY2026-v1 --surplus-credit 0",
    )
)
def replan(
    version: Annotated[
        str, typer.Option(metavar="NAME", help="Record the new targets as this plan version.")
    ],
    base: Annotated[str, typer.Option(metavar="NAME", help="The plan version it replaces.")],
    policy: Annotated[
        str | None,
        typer.Option(
            show_default="var carry_over_policy",
            help="What becomes of a shortfall. none: nothing. next: the next month owes it. "
            "spread: the rest of the fiscal year shares it. deadline_aware: solve anew.",
        ),
    ] = None,
    surplus_credit: Annotated[
        float | None,
        typer.Option(
            show_default="var carry_over_surplus_credit",
            help="Share of a surplus that lowers later targets: 0 never does, 1 in full.",
        ),
    ] = None,
    goals_version: Annotated[
        str | None,
        typer.Option(metavar="V", show_default="the base plan's", help="Version of the goals."),
    ] = None,
    goal_growth: Annotated[
        float,
        typer.Option(help="Growth a year of goals beyond the last month; 0.1 is 10 %."),
    ] = 0.0,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="DATE",
            show_default="the latest load",
            help="Plan with what was known on that day; see reverse-funnel plan --help.",
        ),
    ] = None,
    project_dir: ProjectDir = None,
    profiles_dir: ProfilesDir = None,
    target: Target = None,
) -> None:
    """Plan the months to come anew, given what was created since the last plan.

    The base plan keeps the months gone by, and stays as it is. The new version says for each month
    what it carries over from a shortfall, and what it costs that the shortfall is made up late.
    """
    from reverse_funnel.plan import PlanRequest, run_plan
    from reverse_funnel.plan.report import plan_summary
    from reverse_funnel.plan.vintages import Outcome

    day = _date(as_of)
    project = _project(project_dir, profiles_dir, target, as_of=day)
    with _status() as say:
        result = run_plan(
            PlanRequest(
                version=version,
                goals_version=goals_version,
                goal_growth=goal_growth,
                as_of=day,
                base=base,
                policy=policy,
                surplus_credit=surplus_credit,
            ),
            query=project.query,
            seeds_dir=project.seeds_dir,
            project_vars=project.vars,
            progress=say,
        )
    _out().print(
        plan_summary(
            result.plan,
            currency=str(project.vars.get("corporate_currency", "USD")),
            fiscal_year_start_month=int(project.vars.get("fiscal_year_start_month", 1)),
        )
    )
    unchanged = result.outcome is Outcome.UNCHANGED
    _out().print(f"Plan {version} {'is unchanged' if unchanged else f'replaces {base}'}.")


@app.command(epilog=_examples("reverse-funnel diff FY2026-v1 FY2026-v2"))
def diff(
    earlier: Annotated[str, typer.Argument(metavar="EARLIER", help="A plan version.")],
    later: Annotated[str, typer.Argument(metavar="LATER", help="The one to compare it with.")],
    project_dir: ProjectDir = None,
    profiles_dir: ProfilesDir = None,
    target: Target = None,
) -> None:
    """Show why two plan versions differ: goals, rates, lags, amounts, mix, or what has happened.

    Compares the qualified opportunities asked for in the months that both cover. Writes nothing.
    """
    from reverse_funnel.plan.diff import diff as compare
    from reverse_funnel.plan.report import diff_summary
    from reverse_funnel.plan.settings import read_settings
    from reverse_funnel.plan.standing import read_standing

    project = _project(project_dir, profiles_dir, target)
    with _status() as say:
        say("comparing")
        found = compare(
            project.seeds_dir,
            earlier,
            later,
            read_settings(project.vars, project.seeds_dir),
            read_standing(project.query),
            str(project.vars.get("corporate_currency", "USD")),
        )
    _out().print(diff_summary(found, earlier, later))


@app.command(
    name="what-if",
    epilog=_examples(
        "reverse-funnel what-if",
        "reverse-funnel what-if --win-rate +2pt",
        "reverse-funnel what-if --cycle -10% --amount +5%",
        "reverse-funnel what-if --volume +20% --mix marketing=40%",
    ),
)
def what_if(
    win_rate: Annotated[
        str | None, typer.Option(metavar="CHANGE", help="Such as +2pt or +10%.")
    ] = None,
    amount: Annotated[str | None, typer.Option(metavar="CHANGE", help="Such as +5%.")] = None,
    volume: Annotated[
        str | None, typer.Option(metavar="CHANGE", help="Of pipeline created, such as +20%.")
    ] = None,
    cycle: Annotated[str | None, typer.Option(metavar="CHANGE", help="Such as -10%.")] = None,
    mix: Annotated[
        str | None,
        typer.Option(metavar="SOURCE=SHARE", help="Such as marketing=40%,alliances=10%."),
    ] = None,
    goals_version: Annotated[
        str | None,
        typer.Option(
            metavar="V",
            show_default="those in force: by month the version approved last",
            help="Version of the bookings goals.",
        ),
    ] = None,
    project_dir: ProjectDir = None,
    profiles_dir: ProfilesDir = None,
    target: Target = None,
) -> None:
    """Move one lever or several, and see what it does to bookings and to the pipeline needed.

    Without any it shows what you need to believe: how far each lever alone would have to move for
    the goals of the next twelve months to be met, creation going on as it has. Writes nothing: a
    scenario never becomes a plan by itself.
    """
    from reverse_funnel.plan import levers
    from reverse_funnel.plan.report import beliefs, scenario_summary
    from reverse_funnel.plan.run import read_problem
    from reverse_funnel.plan.settings import read_settings

    given = {"win_rate": win_rate, "amount": amount, "volume": volume, "cycle": cycle}
    changes: dict[str, Any] = {
        lever: levers.parse_change(lever, text) for lever, text in given.items() if text
    }
    project = _project(project_dir, profiles_dir, target)
    with _status() as say:
        problem = read_problem(
            project.query,
            project.seeds_dir,
            project.vars,
            read_settings(project.vars, project.seeds_dir),
            goals_version=goals_version,
            progress=say,
        )
        if mix:
            sources = {cell.pipeline_source for cell in problem.assumptions.cells}
            changes["mix"] = levers.parse_mix(mix, sources)
        say("solving")
        shown = (
            scenario_summary(problem, levers.Scenario(**changes))
            if changes
            else beliefs(levers.what_you_need_to_believe(problem))
        )
    _out().print(shown)


@app.command(
    epilog=_examples(
        "reverse-funnel backtest",
        "reverse-funnel backtest --append",
        "reverse-funnel backtest --from 2024-12-31 --to 2025-12-31 --every month",
        "reverse-funnel backtest --every week3",
    )
)
def backtest(
    first: Annotated[
        datetime | None,
        typer.Option(
            "--from",
            formats=["%Y-%m-%d"],
            metavar="DATE",
            show_default="eight quarters before --to",
            help="No as-of date before this day.",
        ),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option(
            "--to",
            formats=["%Y-%m-%d"],
            metavar="DATE",
            show_default="the latest load",
            help="No as-of date after this day.",
        ),
    ] = None,
    every: Annotated[
        Literal["quarter", "month", "week3"],
        typer.Option(
            help="quarter or month: as of the last day of each. week3: as of the day of each "
            "quarter on which its pipeline is held against its bookings."
        ),
    ] = "quarter",
    append: Annotated[
        bool,
        typer.Option("--append", help="Leave out as-of dates that have forecasts already."),
    ] = False,
    project_dir: ProjectDir = None,
    profiles_dir: ProfilesDir = None,
    target: Target = None,
) -> None:
    """Record what would have been forecast on past days, to hold it against what came.

    Builds the models as of each day, about 20 seconds a day, in schemas that are dropped
    again, and adds the forecasts to seeds/backtests/. None is ever rewritten: made anew
    with another result, they are the next vintage of their day. An interrupted run has
    recorded the days it has printed; --append goes on from there. Afterwards
    dbt build --select backtest_forecasts+ scores them: see the mart forecast_accuracy.
    """
    from reverse_funnel.backtest import BacktestRequest
    from reverse_funnel.backtest import backtest as record

    project = _project(project_dir, profiles_dir, target)
    request = BacktestRequest(first=_date(first), last=_date(last), every=every, append=append)
    out = _out()
    with _progress() as progress:
        for done in record(request, project, progress=progress):
            out.print(f"{done.as_of_date}: {done.outcome}")


@app.command(
    epilog=_examples(
        "reverse-funnel validate",
        "reverse-funnel validate --strict",
        "reverse-funnel validate --as-of latest",
        "reverse-funnel validate --crm salesforce --accept-volume",
    )
)
def validate(
    crm: Annotated[
        list[str] | None,
        typer.Option(show_default="var crm_sources", help="The CRM to look at; may be repeated."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            show_default="var as_of_date, else now",
            help="The day against whose end the age of loads is measured. latest: the latest load "
            "there is, for data of the past.",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings stop, too.")] = False,
    accept_volume: Annotated[
        bool,
        typer.Option(
            "--accept-volume", help="Take today's numbers of rows as right, and remember them."
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", show_default="build/validation", help="Where the HTML report goes."
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            show_default="warehouse/validation",
            help="Where the numbers of rows of earlier runs are kept.",
        ),
    ] = None,
    project_dir: ProjectDir = None,
    profiles_dir: ProfilesDir = None,
    target: Target = None,
) -> None:
    """Check before a build that the raw tables are all there, whole, fresh and readable.

    What is expected stands with the sources in models/staging/, and how strictly in
    seeds/policies/gate_policy.csv. Nothing is written to the database, and nothing sent anywhere.

    Exit code 0: fit to build, perhaps with warnings. 3: stop. 2: the command, the policy or the
    project is wrong. 1: the database or Great Expectations cannot be had.
    """
    from reverse_funnel.validate import Gate, run_gate
    from reverse_funnel.validate.report import gate_summary

    project = _project(project_dir, profiles_dir, target)
    gate = Gate(
        crms=tuple(crm or project.vars.get("crm_sources") or ()),
        as_of=_day(as_of or str(project.vars.get("as_of_date") or "")),
        output=output or project.project_dir / "build" / "validation",
        state=state or project.project_dir / "warehouse" / "validation",
        accept_volume=accept_volume,
    )
    with _status() as say:
        result = run_gate(gate, project, say)
    _out().print(gate_summary(result, strict=strict))
    if result.stops(strict=strict):
        raise typer.Exit(STOP)


@app.command(epilog=_examples("reverse-funnel headlines", "reverse-funnel headlines --target dev"))
def headlines(
    project_dir: ProjectDir = None,
    profiles_dir: ProfilesDir = None,
    target: Target = None,
) -> None:
    """Show pipeline created against target, coverage of three quarters, and the next start."""
    from reverse_funnel.headlines import headlines as tables

    project = _project(project_dir, profiles_dir, target)
    with _status() as say:
        say("asking the warehouse")
        shown = tables(project.query, currency=str(project.vars.get("corporate_currency", "USD")))
    _out().print(shown)
    _out().print(f"Database: {project.connection().describe()}", soft_wrap=True)


def _project(
    project_dir: Path | None,
    profiles_dir: Path | None,
    target: str | None,
    *,
    as_of: date | None = None,
) -> DbtProject:
    from reverse_funnel.warehouse import DbtProject

    chosen = {} if as_of is None else {"as_of_date": as_of.isoformat()}
    return DbtProject(project_dir, profiles_dir, target, chosen)


def _date(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _day(text: str) -> date | str | None:
    """Return a day as given, `latest` as it is, None for nothing, else raise `InputError`."""
    if text in {"", "latest"}:
        return text or None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            Fault(problem=f"{text!r} is no day", remedy="give one as 2026-06-30, or latest")
        ) from error


def _out() -> Console:
    return _console(stderr=False)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    return (
        console if console.is_terminal else Console(stderr=stderr, highlight=False, width=LOG_WIDTH)
    )


def _print_error(message: str) -> None:
    console = _console(stderr=True)
    console.print("Error", style="bold red", end=": ")
    console.print(message, markup=False, soft_wrap=True)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, float], None]]:
    """Yield a function that shows what is being done, and the share that is done."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = _console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("starting", total=1.0)

        def show(what: str, share: float) -> None:
            bar.update(task, description=what, completed=share)

        yield show


@contextlib.contextmanager
def _status() -> Iterator[Callable[[str], None]]:
    """Yield a function that shows what is being done, where nobody knows for how long."""
    console = _console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("starting") as status:
        yield status.update
