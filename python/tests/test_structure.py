"""The rules of the house that a machine can check, on dbt's own manifest."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT, Warehouse

pytestmark = pytest.mark.dbt

Node = dict[str, Any]


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """Parse every model, those of the CRMs not in use too: the manifest and what dbt said."""
    warehouse = Warehouse(
        tmp_path_factory.mktemp("parse"),
        vars={"crm_sources": ["salesforce", "hubspot", "flat_file"]},
    )
    said = warehouse.dbt("parse", "--no-partial-parse", "--show-all-deprecations").stdout
    return json.loads((warehouse.folder / "target" / "manifest.json").read_text()), said


@pytest.fixture(scope="module")
def models(parsed: tuple[dict[str, Any], str]) -> list[Node]:
    return [n for n in parsed[0]["nodes"].values() if n["resource_type"] == "model"]


def layer(model: Node) -> str:
    return str(model["fqn"][1])


def test_dbt_has_nothing_to_complain_of(parsed: tuple[dict[str, Any], str]) -> None:
    assert not re.search(r"deprecat|warning", parsed[1], flags=re.IGNORECASE), parsed[1]


def test_every_model_and_public_column_is_described(models: list[Node]) -> None:
    undescribed = [m["name"] for m in models if not m["description"].strip()]
    undescribed += [
        f"{m['name']}.{name}"
        for m in models
        if layer(m) in {"crm", "marts"}
        for name, column in m["columns"].items()
        if not column["description"].strip()
    ]
    assert not undescribed
    assert not [m["name"] for m in models if "TODO" in json.dumps(m["description"])]


def test_every_model_above_staging_states_its_grain(models: list[Node]) -> None:
    assert not [
        m["name"]
        for m in models
        if layer(m) != "staging" and not m["config"]["meta"].get("grain", "").strip()
    ]


def test_every_model_has_a_yaml_of_its_own(models: list[Node]) -> None:
    for model in models:
        path = ROOT / model["original_file_path"]
        assert path.with_suffix(".yml").exists(), model["name"]


def test_the_first_page_of_the_docs_leads_to_marts_of_every_folder(
    parsed: tuple[dict[str, Any], str],
) -> None:
    page = parsed[0]["docs"]["doc.unified_pipeline.__overview__"]["block_contents"]
    leads_to = [parsed[0]["nodes"][key] for key in re.findall(r"\(#!/model/([\w.]+)\)", page)]
    folders = {path.name for path in (ROOT / "models" / "marts").iterdir() if path.is_dir()}
    assert {model["fqn"][2] for model in leads_to} == folders


def test_public_models_enforce_their_contract(models: list[Node]) -> None:
    """But for the columns that a company names itself, which cannot be written down beforehand."""
    public = [m for m in models if layer(m) in {"crm", "marts"}]
    loose = {m["name"] for m in public if not m["contract"]["enforced"]}
    assert loose == {m["name"] for m in public if m["name"].endswith("_custom_fields")}


def test_layers_only_look_downwards(models: list[Node]) -> None:
    """Nothing above the CRM contract knows a CRM; nothing in staging knows anything but one CRM.

    Quality marts are the exception: they count what staging received.
    """
    order = ["staging", "crm", "intermediate", "marts"]
    by_id = {m["unique_id"]: m for m in models}
    for model in models:
        for parent_id in model["depends_on"]["nodes"]:
            if parent_id not in by_id:
                continue
            parent = by_id[parent_id]
            assert order.index(layer(parent)) <= order.index(layer(model)), model["name"]
            if layer(model) == "staging":
                assert parent["fqn"][:3] == model["fqn"][:3], (model["name"], parent["name"])
            elif layer(parent) == "staging" and "quality" not in model["fqn"]:
                assert layer(model) == "crm", (model["name"], parent["name"])


def test_nothing_that_leads_to_a_target_reads_a_self_reported_source(models: list[Node]) -> None:
    """Attribution is published beside the pipeline and drives nothing."""
    parents: dict[str, list[str]] = {
        m["name"]: [p.split(".")[-1] for p in m["depends_on"]["nodes"] if p.startswith("model.")]
        for m in models
    }
    ancestors, queue = {"assumptions"}, ["assumptions"]
    while queue:
        for parent in parents.get(queue.pop(), []):
            if parent not in ancestors:
                ancestors.add(parent)
                queue.append(parent)
    code = {m["name"]: m["raw_code"] for m in models}
    readers = {
        name
        for name in ancestors & code.keys()
        if "self_reported_source" in code[name] and not name.startswith(("stg_", "crm_"))
    }
    assert not readers


def test_only_analyses_read_aspirations(parsed: tuple[dict[str, Any], str]) -> None:
    """What somebody would like moves no assumption, target, mart, test or exposure."""
    manifest = parsed[0]
    nodes = manifest["nodes"] | manifest["exposures"] | manifest["unit_tests"]
    (aspirations,) = [
        name for name in nodes if name.startswith("seed.") and name.endswith(".aspirations")
    ]
    readers = {
        name: node["resource_type"]
        for name, node in nodes.items()
        if aspirations in node["depends_on"].get("nodes", [])
    }
    assert set(readers.values()) == {"analysis"}
    # and nothing reads what they are in turn
    assert not [n for n in nodes.values() if readers.keys() & set(n["depends_on"].get("nodes", []))]


def sql_files() -> list[Path]:
    return sorted((ROOT / "models").rglob("*.sql"))


def test_no_model_calls_the_clock() -> None:
    clock = re.compile(r"current_timestamp|current_date|\bnow\(\)|getdate|sysdate", re.IGNORECASE)
    assert not [p.name for p in sql_files() if clock.search(p.read_text())]


def test_no_model_names_a_stage_of_a_crm() -> None:
    seed = (ROOT / "seeds" / "mappings" / "stage_map.csv").read_text().splitlines()[1:]
    names = {line.split(",")[2] for line in seed}
    found = defaultdict(list)
    for path in sql_files():
        for name in names:
            if f"'{name}'" in path.read_text():
                found[path.name].append(name)
    assert not found


@pytest.mark.parametrize(
    ("typed", "home"),
    [
        # scores of the normal distribution
        (r"1\.28155|1\.9599", "macros/range_score.sql"),
        # the day a deal is booked
        (r"least\(\s*coalesce\([^)]*close_date", "macros/booking_date.sql"),
        # what a date can be
        (r"'(1990-01-01|2100-01-01|2099-12-31)'", None),
        # which stage names are spelled as they are mapped
        (r"min\(case when is_respelled", "macros/quality.sql"),
    ],
)
def test_a_rule_has_one_home(typed: str, home: str | None) -> None:
    """Neither a model nor a macro repeats what a macro or a var says."""
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("models", "macros", "tests")
        for path in (ROOT / folder).rglob("*.sql")
        if re.search(typed, path.read_text())
    }
    assert found == ({home} if home else set())


def test_every_dimension_that_may_be_planned_by_is_listed_where_it_is_set() -> None:
    model = ROOT / "models" / "intermediate" / "opportunities" / "int_opportunities__attributed.sql"
    known = re.search(r"set known = \[(.*?)\]", model.read_text())
    assert known
    project = (ROOT / "dbt_project.yml").read_text()
    comment = project[project.index("# The planning cell.") : project.index("plan_dimensions:")]
    assert [name for name in re.findall(r"'(\w+)'", known[1]) if name not in comment] == []


def test_models_fit_on_two_screens() -> None:
    assert not {p.name: n for p in sql_files() if (n := len(p.read_text().splitlines())) > 150}


def test_every_unit_test_runs_where_the_default_crm_is_built(
    parsed: tuple[dict[str, Any], str], models: list[Node]
) -> None:
    """They run once a database, in test_main_job and test_postgres; one of another CRM's staging
    would run nowhere.
    """
    staged = {m["name"]: m["fqn"][2] for m in models if layer(m) == "staging"}
    tests = parsed[0]["unit_tests"].values()
    assert len(tests) > 100
    assert {staged.get(test["model"], "salesforce") for test in tests} == {"salesforce"}
