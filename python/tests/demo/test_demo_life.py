"""The ordinary life of a CRM: histories, closings, owners, accounts and leads."""

from __future__ import annotations

from collections.abc import Callable

from reverse_funnel.demo import config as values

from .builders import Demo

# ---------------------------------------------------------------------- opportunities


def test_an_opportunity_equals_its_last_history_row(demo: Demo) -> None:
    differing = demo.one(
        """
        with latest as (
            select * from opportunity_history
            qualify row_number() over (
                partition by opportunity_id order by created_date desc, id desc) = 1
        )
        select count(*) from opportunity o left join latest h on h.opportunity_id = o.id
        where (o.amount, o.close_date, o.probability, o.forecast_category, o.currency_iso_code)
            is distinct from
            (h.amount, h.close_date, h.probability, h.forecast_category, h.currency_iso_code)
        or replace(h.stage_name, 'Technical Fit', 'Evaluation') is distinct from o.stage_name
        or o.expected_revenue is distinct from h.expected_revenue
        """
    )
    assert differing == 0


def test_history_begins_at_creation_and_every_row_changes_something(demo: Demo) -> None:
    first, same = demo.one(
        """
        with steps as (
            select h.*, o.created_date as born,
                row_number() over w as number,
                lag((h.stage_name, h.amount, h.close_date, h.probability)) over w as before
            from opportunity_history h join opportunity o on o.id = h.opportunity_id
            window w as (partition by opportunity_id order by h.created_date, h.id)
        )
        select count(*) filter (number = 1 and created_date <> born),
            count(*) filter (number > 1 and before = (stage_name, amount, close_date, probability))
        from steps
        """
    )
    assert (first, same) == (0, 0)
    per_deal = demo.summary.rows["opportunity_history"] / 3000
    assert 8 <= per_deal <= 11


def test_closing_overwrites_the_close_date_with_the_day_of_closing(demo: Demo) -> None:
    closings, other = demo.one(
        """
        with steps as (
            select *, lag(stage_name) over (
                partition by opportunity_id order by created_date, id) as before
            from opportunity_history
        )
        select count(*), count(*) filter (close_date <> created_date::date) from steps
        where stage_name in ('Closed Won', 'Closed Lost', 'Derailed')
            and stage_name is distinct from before
        """
    )
    assert closings > 2000
    assert other == 0
    latest = demo.one("select max(close_date) from opportunity where is_closed")
    assert latest <= demo.config.as_of


def test_the_renamed_stage_has_its_old_name_in_old_history_only(demo: Demo) -> None:
    old, new = demo.one(
        """
        select count(*) filter (stage_name = 'Technical Fit' and created_date < '2023-07-01'),
            count(*) filter (stage_name = 'Evaluation' and created_date >= '2023-07-01')
        from opportunity_history
        """
    )
    total = demo.one(
        "select count(*) from opportunity_history "
        "where stage_name in ('Technical Fit', 'Evaluation')"
    )
    assert old > 100
    assert new > 100
    assert old + new == total
    assert demo.one("select count(*) from opportunity where stage_name = 'Technical Fit'") == 0


def test_values_are_those_of_the_mapping_seeds(demo: Demo) -> None:
    def found(column: str, table: str = "opportunity") -> set[str]:
        return {value for (value,) in demo.rows(f"select distinct {column} from {table}")}

    assert found("stage_name") == set(values.STAGE_NAMES)
    assert found("type") == set(values.TYPE_RAW)
    assert found("lead_source") == set(values.LEAD_SOURCES)
    assert found("billing_country", "account") == set(values.COUNTRIES)
    assert found("currency_iso_code") == set(values.CURRENCIES)
    assert found("status", "lead") == set(values.LEAD_STATUSES)
    assert found("rating", "lead") == {"Hot", "Warm", "Cold"}


def test_only_the_currencies_asked_for_are_used(build: Callable[..., Demo]) -> None:
    small = build(opportunities=400, currencies=("USD", "EUR"))
    used = {code for (code,) in small.rows("select distinct currency_iso_code from opportunity")}
    assert used == {"USD", "EUR"}


def test_every_deal_has_a_rate_for_its_currency_and_month(demo: Demo) -> None:
    without = demo.one(
        """
        select count(*) from opportunity_history h left join dated_conversion_rate r
            on r.iso_code = h.currency_iso_code
            and h.created_date::date >= r.start_date and h.created_date::date < r.next_start_date
        where r.id is null
        """
    )
    assert without == 0
    assert demo.one(
        "select bool_and(conversion_rate = 1) from dated_conversion_rate where iso_code = 'USD'"
    )


def test_closings_crowd_the_last_month_of_the_quarter(demo: Demo) -> None:
    share = dict(
        demo.rows(
            "select (month(close_date) - 1) % 3, count(*) / sum(count(*)) over () "
            "from opportunity where is_won group by all"
        )
    )
    assert share[0] < 0.25
    assert share[2] > 0.45
    last_days = demo.one(
        "select avg((close_date >= date_trunc('quarter', close_date) + interval 3 month "
        "- interval 14 day)::int) from opportunity where is_won"
    )
    assert last_days > 0.3


def test_the_untidy_life_of_a_pipeline_is_there(demo: Demo) -> None:
    number = (
        "case stage_name "
        + " ".join(
            f"when '{name}' then {code}"
            for code, name in [*enumerate(values.STAGE_NAMES), (3, "Technical Fit")]
        )
        + " end"
    )
    found = demo.one(
        f"""
        with steps as (
            select *, {number} as stage,
                lag({number}) over w as before, lag(created_date) over w as earlier
            from opportunity_history
            window w as (partition by opportunity_id order by created_date, id)
        )
        select
            count(*) filter (before < 6 and stage < before),
            count(*) filter (before >= 6 and stage < 6),
            count(*) filter (stage < 6 and stage > before + 1),
            count(*) filter (created_date = earlier)
        from steps
        """
    )
    backward, reopened, skipped, same_second = found
    assert backward > 20
    assert reopened > 20
    assert skipped > 100
    assert same_second > 5
    deleted, stale = demo.one(
        f"""
        select avg(is_deleted::int),
            avg((close_date < date '{demo.config.as_of}')::int) filter (not is_closed)
        from opportunity
        """
    )
    assert 0.02 < deleted < 0.045
    assert 0.2 < stale < 0.8


def test_some_amounts_are_missing_at_qualification_and_filled_later(demo: Demo) -> None:
    missing, filled, all_qualified = demo.one(
        """
        with entered as (
            select opportunity_id, created_date as at, amount from opportunity_history
            where stage_name in ('Qualified', 'Technical Fit', 'Evaluation', 'Proposal')
            qualify row_number() over (partition by opportunity_id order by created_date, id) = 1
        ),
        later as (
            select e.opportunity_id, bool_or(h.amount is not null) as known from entered e
            join opportunity_history h using (opportunity_id)
            where e.amount is null group by 1
        )
        select (select count(*) from later), (select count(*) from later where known),
            (select count(*) from entered)
        """
    )
    assert 0.03 < missing / all_qualified < 0.09
    assert filled > missing / 2
    without = demo.one(
        "select count(*) from opportunity_history "
        "where stage_name = 'Closed Won' and amount is null"
    )
    assert without == 0


def test_the_owner_is_the_last_one_of_the_field_history(demo: Demo) -> None:
    changes, wrong, formed = demo.one(
        """
        with latest as (
            select * from opportunity_field_history where field = 'Owner'
            qualify row_number() over (
                partition by opportunity_id order by created_date desc, id desc) = 1
        )
        select count(*), count(*) filter (o.owner_id <> l.new_value),
            bool_and(l.data_type = 'EntityId' and left(l.old_value, 3) = '005')
        from latest l join opportunity o on o.id = l.opportunity_id
        """
    )
    assert 30 < changes < 600
    assert wrong == 0
    assert formed
    kinds = {field for (field,) in demo.rows("select field from opportunity_field_history")}
    assert kinds == {"Owner", "LeadSource", "Type"}


def test_owners_were_at_work_when_they_got_the_deal(demo: Demo) -> None:
    strangers = demo.one(
        """
        select count(*) from opportunity o join "user" u on u.id = o.owner_id
        where u.created_date > o.created_date
            and o.id not in (select opportunity_id from opportunity_field_history)
        """
    )
    assert strangers == 0


# ---------------------------------------------------------------------- accounts


def test_resegmentation_is_in_the_account_history(demo: Demo) -> None:
    changes, wrong = demo.one(
        """
        select count(*), count(*) filter (
            h.new_value <> case h.field when 'BillingCountry' then a.billing_country
                else a.number_of_employees::varchar end)
        from account_history h join account a on a.id = h.account_id
        """
    )
    assert changes > 40
    assert wrong == 0
    crossed = demo.one(
        """
        select avg(((old_value::int < 100) <> (new_value::int < 100)
            or (old_value::int < 1000) <> (new_value::int < 1000))::int)
        from account_history where field = 'NumberOfEmployees'
        """
    )
    assert crossed == 1


def test_merged_accounts_point_to_one_that_lives(demo: Demo) -> None:
    merged, alive = demo.one(
        """
        select count(*), count(*) filter (not s.is_deleted) from account a
        join account s on s.id = a.master_record_id where a.is_deleted
        """
    )
    assert merged > 3
    assert alive == merged
    assert (
        demo.one(
            "select count(*) from opportunity o join account a on a.id = o.account_id "
            "where a.is_deleted"
        )
        == 0
    )


# ---------------------------------------------------------------------- leads


def test_there_are_about_three_leads_an_opportunity(demo: Demo) -> None:
    assert 2.6 < demo.summary.rows["lead"] / 3000 < 3.4
    from_lead = dict(
        demo.rows(
            """
            select type = 'New Business', avg((l.id is not null)::int) from opportunity o
            left join lead l on l.converted_opportunity_id = o.id group by 1
            """
        )
    )
    assert from_lead[False] < 0.01
    assert 0.5 < from_lead[True] < 0.7


def test_a_lead_is_converted_when_its_opportunity_is_created(demo: Demo) -> None:
    converted, wrong = demo.one(
        """
        select count(*), count(*) filter (l.converted_date <> o.created_date::date
            or l.converted_account_id <> o.account_id or l.created_date >= o.created_date
            or l.status <> 'Converted' or l.is_deleted)
        from lead l join opportunity o on o.id = l.converted_opportunity_id
        """
    )
    assert converted > 1000
    assert wrong == 0
    late = demo.one(
        """
        select count(*) from lead_history h join lead l on l.id = h.lead_id
        join opportunity o on o.id = l.converted_opportunity_id
        where h.new_value = 'Converted' and h.created_date <> o.created_date
        """
    )
    assert late == 0
    assert (
        demo.one(
            "select count(*) from lead where (status = 'Converted') <> is_converted "
            "or is_converted <> (converted_opportunity_id is not null)"
        )
        == 0
    )


def test_lead_statuses_follow_one_another(demo: Demo) -> None:
    broken, last = demo.one(
        """
        with steps as (
            select h.*, l.status,
                coalesce(lag(new_value) over w, 'New') as before,
                row_number() over (partition by lead_id order by h.created_date desc, h.id desc)
                    as back
            from lead_history h join lead l on l.id = h.lead_id
            window w as (partition by lead_id order by h.created_date, h.id)
        )
        select count(*) filter (old_value <> before), count(*) filter (back = 1
            and new_value <> status) from steps
        """
    )
    assert (broken, last) == (0, 0)
    assert demo.one("select count(*) from lead_history where old_value = 'Nurture'") > 20


def test_converted_leads_score_higher(demo: Demo) -> None:
    scores = dict(demo.rows("select is_converted, avg(lead_score_c) from lead group by 1"))
    assert scores[True] > scores[False] + 5
    models = {model for (model,) in demo.rows("select distinct score_model_c from lead")}
    assert models == {"v1", "v2", "v3"}


def test_hot_leads_are_answered_first_and_some_leads_never(demo: Demo) -> None:
    minutes = dict(
        demo.rows(
            """
            select rating, median(epoch(t.first) / 60) from lead l
            join (select who_id, min(t.created_date - l.created_date) as first
                from task t join lead l on l.id = t.who_id group by 1) t on t.who_id = l.id
            group by 1
            """
        )
    )
    assert minutes["Hot"] < 60 < minutes["Warm"] < minutes["Cold"]
    untouched = demo.one(
        "select avg((id not in (select who_id from task where who_id is not null))::int) from lead"
    )
    assert 0.05 < untouched < 0.4


def test_meetings_come_before_the_stage_they_lead_to(demo: Demo) -> None:
    held, planned, future = demo.one(
        """
        select count(*) filter (meeting_outcome_c = 'Completed'),
            count(*) filter (meeting_outcome_c is null),
            count(*) filter (meeting_outcome_c is not null and start_date_time::date > '2026-08-31')
        from event
        """
    )
    assert held > 1500
    assert planned > 0
    assert future == 0
