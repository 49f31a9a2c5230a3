"""What may be asked for, and the agreement of the value sets with the mapping seeds."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from reverse_funnel.demo import DemoConfig
from reverse_funnel.demo import config as values

MAPPINGS = Path(__file__).parents[3] / "seeds" / "mappings"


def seed(name: str) -> list[dict[str, str]]:
    with (MAPPINGS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if row.get("crm", "salesforce") == "salesforce"]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("crm", "siebel", "crm"),
        ("opportunities", 0, "opportunities"),
        ("seed", -1, "seed"),
        ("dirty", 0.9, "dirty"),
        ("dirty", -0.1, "dirty"),
        ("fiscal_year_start_month", 13, "fiscal_year_start_month"),
        ("currencies", (), "currencies"),
        ("currencies", ("EUR", "USD"), "currencies"),
        ("currencies", ("USD", "CHF"), "CHF"),
        ("first_month", date(2024, 5, 3), "first_month"),
        ("first_month", date(2027, 1, 1), "first_month"),
    ],
)
def test_a_bad_option_is_named(option: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DemoConfig(**{option: value})  # type: ignore[arg-type]


def test_the_company_starts_five_and_a_half_years_before() -> None:
    assert DemoConfig(as_of=date(2026, 8, 31)).start == date(2021, 1, 1)


def test_stage_names_are_those_of_the_stage_map() -> None:
    numbers = [0, 1, 2, 3, 4, 5, 90, 91, 92]
    known = {(row["stage_name"], int(row["stage_number"])): row for row in seed("stage_map")}
    assert set(zip(values.STAGE_NAMES, numbers, strict=True)) < set(known)
    old = known[values.RENAMED_STAGE_OLD_NAME, values.RENAMED_STAGE]
    assert old["valid_to"] == values.RENAME_DATE.isoformat()
    assert len(known) == len(values.STAGE_NAMES) + 1


def test_lead_sources_are_those_of_the_source_map() -> None:
    mapped = {row["lead_source"]: row["pipeline_source"] for row in seed("pipeline_source_map")}
    ours = {
        raw: values.PIPELINE_SOURCES[code]
        for raw, code in zip(
            values.LEAD_SOURCES, values.LEAD_SOURCE_TO_PIPELINE_SOURCE, strict=True
        )
    }
    assert ours == mapped


def test_countries_are_those_of_the_territory_map() -> None:
    mapped = {row["country"]: row["territory"] for row in seed("territory_map")}
    ours = {
        country: values.TERRITORIES[code]
        for country, code in zip(values.COUNTRIES, values.COUNTRY_TO_TERRITORY, strict=True)
    }
    assert ours == mapped


def test_deal_types_and_segments_are_those_of_the_seeds() -> None:
    types = {row["deal_type_raw"]: row["deal_type"] for row in seed("deal_type_map")}
    assert types == {
        raw: values.DEAL_TYPES[min(code, 1)] for code, raw in enumerate(values.TYPE_RAW)
    }
    for row, (name, (low, high)) in zip(
        seed("segment_rules"),
        zip(values.SEGMENTS, values.SEGMENT_EMPLOYEES, strict=True),
        strict=True,
    ):
        assert row["segment"] == name
        assert int(row["min_employees"]) <= low
        assert not row["max_employees"] or high <= int(row["max_employees"]) + 1
