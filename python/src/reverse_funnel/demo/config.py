"""What a demo run is asked for, and the value sets of the simulated company's CRM.

The value sets are those of the project's mapping seeds (``seeds/mappings``); a test compares
them, so that a change there is noticed here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

SEGMENTS: Final = ("smb", "mid_market", "enterprise")
DEAL_TYPES: Final = ("new_business", "expansion")
TERRITORIES: Final = ("americas", "emea", "apac")
PIPELINE_SOURCES: Final = (
    "marketing",
    "ae_outbound",
    "sdr_outbound",
    "alliances",
    "community",
    "plg",
)
CELL_DIMENSIONS: Final = ("segment", "deal_type", "territory", "pipeline_source")
CELL_SHAPE: Final = (len(SEGMENTS), len(DEAL_TYPES), len(TERRITORIES), len(PIPELINE_SOURCES))
N_CELLS: Final = CELL_SHAPE[0] * CELL_SHAPE[1] * CELL_SHAPE[2] * CELL_SHAPE[3]

# Raw values as the CRM spells them, each with its code in the neutral arrays (its position).
TYPE_RAW: Final = ("New Business", "Upsell", "Cross-sell")
LEAD_SOURCES: Final = (
    "Website",
    "Webinar",
    "Trade Show",
    "AE Outbound",
    "SDR Outbound",
    "Partner Referral",
    "Community",
    "Product Signup",
)
LEAD_SOURCE_TO_PIPELINE_SOURCE: Final = (0, 0, 0, 1, 2, 3, 4, 5)
COUNTRIES: Final = (
    "United States",
    "Canada",
    "Brazil",
    "United Kingdom",
    "Germany",
    "France",
    "Netherlands",
    "Spain",
    "Australia",
    "Japan",
    "India",
    "Singapore",
)
COUNTRY_TO_TERRITORY: Final = (0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2)
# Share of each country within its territory.
COUNTRY_SHARE: Final = (0.80, 0.12, 0.08, 0.34, 0.26, 0.18, 0.12, 0.10, 0.34, 0.28, 0.22, 0.16)
# Employees: inclusive lower and exclusive upper end of each segment.
SEGMENT_EMPLOYEES: Final = ((5, 100), (100, 1000), (1000, 40_000))

CURRENCIES: Final = ("USD", "EUR", "GBP", "JPY")
COUNTRY_CURRENCY: Final = (0, 0, 0, 2, 1, 1, 1, 1, 0, 3, 0, 0)
BASE_RATES: Final = (1.0, 0.92, 0.79, 145.0)
"""Units of the currency for one unit of the corporate currency, before the monthly drift."""

# Stages: codes 0..5 are open stages 0..5 of the stage map, then the three closings.
STAGE_NAMES: Final = (
    "Meeting Accepted",
    "Meeting Completed",
    "Qualified",
    "Evaluation",
    "Proposal",
    "Negotiation",
    "Closed Won",
    "Closed Lost",
    "Derailed",
)
WON: Final = 6
LOST: Final = 7
DERAILED: Final = 8
QUALIFIED: Final = 2
RENAMED_STAGE: Final = 3
RENAMED_STAGE_OLD_NAME: Final = "Technical Fit"
RENAME_DATE: Final = date(2023, 7, 1)
STAGE_PROBABILITY: Final = (5, 10, 20, 40, 60, 80, 100, 0, 0)

LEAD_STATUSES: Final = (
    "New",
    "Working",
    "MQL",
    "SAL",
    "SQL",
    "Converted",
    "Rejected",
    "Nurture",
)
REJECTION_REASONS: Final = ("No budget", "Not a fit", "No response", "Competitor", "Student")
SELF_REPORTED: Final = (
    "Search",
    "Colleague",
    "Podcast",
    "Community",
    "Event",
    "Social media",
    "Review site",
    "Partner",
)

BLOCK: Final = 50_000
"""Opportunities simulated at once. A constant, so that results do not depend on any option."""


@dataclass(frozen=True)
class DemoConfig:
    """What to simulate.

    ``crm`` is whose raw tables to write; ``both`` writes the same company twice. ``dirty`` is the
    share of the records of each kind (deals, accounts, leads and so on) that carries one planted
    fault, 0 for a clean CRM.
    ``first_month`` (a first day of a month) defaults to 68 months before the month of ``as_of``,
    which is about five and a half years.
    """

    crm: Literal["salesforce", "hubspot", "both"] = "salesforce"
    opportunities: int = 20_000
    seed: int = 1
    as_of: date = date(2026, 8, 31)
    first_month: date | None = None
    dirty: float = 0.0
    fiscal_year_start_month: int = 1
    currencies: tuple[str, ...] = field(default=CURRENCIES)

    def __post_init__(self) -> None:
        if self.crm not in {"salesforce", "hubspot", "both"}:
            raise ValueError(f"crm must be 'salesforce', 'hubspot' or 'both', not {self.crm!r}")
        if self.opportunities < 1:
            raise ValueError(f"opportunities must be at least 1, not {self.opportunities}")
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, not {self.seed}")
        if not 0.0 <= self.dirty <= 0.5:
            raise ValueError(f"dirty must lie between 0 and 0.5, not {self.dirty}")
        if not 1 <= self.fiscal_year_start_month <= 12:
            raise ValueError(
                f"fiscal_year_start_month must be a month, not {self.fiscal_year_start_month}"
            )
        if not self.currencies or self.currencies[0] != CURRENCIES[0]:
            raise ValueError(f"currencies must start with the corporate one, {CURRENCIES[0]}")
        unknown = [code for code in self.currencies if code not in CURRENCIES]
        if unknown:
            raise ValueError(f"unknown currencies {unknown}; known are {list(CURRENCIES)}")
        if self.first_month is not None and self.first_month.day != 1:
            raise ValueError(f"first_month must be the first of a month, not {self.first_month}")
        if self.start >= self.as_of:
            raise ValueError(f"first_month {self.start} must lie before as_of {self.as_of}")

    @property
    def crms(self) -> tuple[str, ...]:
        """The CRMs whose raw tables are written."""
        return ("salesforce", "hubspot") if self.crm == "both" else (self.crm,)

    @property
    def start(self) -> date:
        """First day on which the company creates opportunities."""
        if self.first_month is not None:
            return self.first_month
        months = self.as_of.year * 12 + self.as_of.month - 1 - 67
        return date(months // 12, months % 12 + 1, 1)


@dataclass(frozen=True)
class DemoSummary:
    """What was written: row counts by table, counts by outcome, planted faults by name.

    ``schema`` names the raw schemas written to, with "and" between two.
    """

    schema: str
    as_of: date
    rows: dict[str, int]
    outcomes: dict[str, int]
    planted_faults: dict[str, int]
