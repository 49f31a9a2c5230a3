"""The Salesforce tables as Fivetran lands them: name, and for each column type and source."""

from __future__ import annotations

from reverse_funnel.demo.config import (
    COUNTRIES,
    CURRENCIES,
    LEAD_SOURCES,
    LEAD_STATUSES,
    REJECTION_REASONS,
    RENAME_DATE,
    RENAMED_STAGE,
    RENAMED_STAGE_OLD_NAME,
    SELF_REPORTED,
    STAGE_NAMES,
    TYPE_RAW,
)
from reverse_funnel.demo.tables import (
    DAY,
    FLAG,
    INDUSTRIES,
    MONEY,
    NUMBER,
    STAMP,
    TEXT,
    WHOLE,
    Table,
    day,
    money,
    words,
)

ID = TEXT
OPPORTUNITY, ACCOUNT, USER, LEAD = "006", "001", "005", "00Q"
ROLE, RECORD_TYPE = "00E", "012"
FORECAST_CATEGORIES = ("Pipeline", "BestCase", "Forecast", "Closed", "Omitted")
FORECAST_CATEGORY_NAMES = ("Pipeline", "Best Case", "Commit", "Closed", "Omitted")


def identifier(prefix: str, number: str) -> str:
    """Return SQL for an 18-character id; numbers start at 1, and -1 is null."""
    return f"case when {number} >= 0 then printf('{prefix}%015d', {number} + 1) end"


def own_id(prefix: str, number: str = "number") -> str:
    """Return SQL for an id that is always there."""
    return f"printf('{prefix}%015d', {number} + 1)"


_STAGE_NOW = words(STAGE_NAMES, "stage")
_STAGE_THEN = (
    f"case when stage = {RENAMED_STAGE} and recorded < timestamp '{RENAME_DATE}' "
    f"then '{RENAMED_STAGE_OLD_NAME}' else {_STAGE_NOW} end"
)
_REVENUE = "case when isnan(amount) then null else amount * probability / 100 end"
_ANSWERS = (
    f"case when second_answer >= 0 then {words(SELF_REPORTED, 'answer')} || ';' || "
    f"{words(SELF_REPORTED, 'second_answer')} else {words(SELF_REPORTED, 'answer')} end"
)

TABLES: tuple[Table, ...] = (
    Table(
        "opportunity",
        (
            ("id", ID, own_id(OPPORTUNITY)),
            ("is_deleted", FLAG, "deleted"),
            ("account_id", ID, own_id(ACCOUNT, "account")),
            ("record_type_id", ID, own_id(RECORD_TYPE, "record_type")),
            (
                "name",
                TEXT,
                f"printf('Account %06d - ', account + 1) || {words(TYPE_RAW, 'type_raw')} "
                "|| printf(' %06d', number + 1)",
            ),
            ("stage_name", TEXT, _STAGE_NOW),
            ("amount", MONEY, money("amount")),
            ("currency_iso_code", TEXT, words(CURRENCIES, "currency")),
            ("probability", NUMBER, "probability"),
            ("expected_revenue", MONEY, _REVENUE),
            ("close_date", DAY, day("close_day")),
            ("type", TEXT, words(TYPE_RAW, "type_raw")),
            ("lead_source", TEXT, words(LEAD_SOURCES, "lead_source")),
            ("is_closed", FLAG, "stage >= 6"),
            ("is_won", FLAG, "stage = 6"),
            ("forecast_category", TEXT, words(FORECAST_CATEGORIES, "category")),
            ("forecast_category_name", TEXT, words(FORECAST_CATEGORY_NAMES, "category")),
            ("campaign_id", ID, "null"),
            ("has_opportunity_line_item", FLAG, "false"),
            ("owner_id", ID, own_id(USER, "owner")),
            ("created_date", STAMP, "created"),
            ("created_by_id", ID, own_id(USER, "creator")),
            ("last_modified_date", STAMP, "modified"),
            ("last_modified_by_id", ID, own_id(USER, "owner")),
            ("system_modstamp", STAMP, "modified"),
            ("last_activity_date", DAY, "modified::date"),
            ("last_stage_change_date", STAMP, "stage_changed"),
            ("fiscal_year", WHOLE, "fiscal_year"),
            ("fiscal_quarter", WHOLE, "fiscal_quarter"),
            ("fiscal", TEXT, "fiscal_year || ' ' || fiscal_quarter"),
            ("self_reported_source_c", TEXT, _ANSWERS),
            ("_fivetran_synced", STAMP, "synced"),
        ),
    ),
    Table(
        "opportunity_history",
        (
            ("id", ID, own_id("008")),
            ("opportunity_id", ID, own_id(OPPORTUNITY, "opportunity")),
            ("created_by_id", ID, own_id(USER, "author")),
            ("created_date", STAMP, "recorded"),
            ("stage_name", TEXT, _STAGE_THEN),
            ("amount", MONEY, money("amount")),
            ("expected_revenue", MONEY, _REVENUE),
            ("currency_iso_code", TEXT, words(CURRENCIES, "currency")),
            ("close_date", DAY, day("close_day")),
            ("probability", NUMBER, "probability"),
            ("forecast_category", TEXT, words(FORECAST_CATEGORIES, "category")),
            ("system_modstamp", STAMP, "recorded"),
            ("is_deleted", FLAG, "false"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
    ),
    Table(
        "opportunity_field_history",
        (
            ("id", ID, own_id("017")),
            ("opportunity_id", ID, own_id(OPPORTUNITY, "opportunity")),
            ("created_by_id", ID, own_id(USER, "author")),
            ("created_date", STAMP, "recorded"),
            ("field", TEXT, words(("Owner", "LeadSource", "Type"), "field")),
            ("data_type", TEXT, words(("EntityId", "DynamicEnum", "DynamicEnum"), "field")),
            *(
                (
                    f"{which}_value",
                    TEXT,
                    f"case field when 0 then {own_id(USER, which)} "
                    f"when 1 then {words(LEAD_SOURCES, which)} else {words(TYPE_RAW, which)} end",
                )
                for which in ("old", "new")
            ),
            ("is_deleted", FLAG, "false"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
    ),
    Table(
        "account",
        (
            ("id", ID, own_id(ACCOUNT)),
            ("is_deleted", FLAG, "merged_into >= 0"),
            ("master_record_id", ID, identifier(ACCOUNT, "merged_into")),
            ("name", TEXT, "printf('Account %06d', number + 1)"),
            ("parent_id", ID, "null"),
            ("industry", TEXT, words(INDUSTRIES, "industry")),
            ("number_of_employees", WHOLE, "employees"),
            ("billing_country", TEXT, words(COUNTRIES, "country")),
            ("owner_id", ID, own_id(USER, "owner")),
            ("created_date", STAMP, "created"),
            ("last_modified_date", STAMP, "modified"),
            ("system_modstamp", STAMP, "modified"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
    ),
    Table(
        "account_history",
        (
            ("id", ID, own_id("02c")),
            ("account_id", ID, own_id(ACCOUNT, "account")),
            ("created_by_id", ID, own_id(USER, "author")),
            ("created_date", STAMP, "recorded"),
            ("field", TEXT, words(("NumberOfEmployees", "BillingCountry"), "field")),
            ("data_type", TEXT, words(("Integer", "Text"), "field")),
            *(
                (
                    f"{which}_value",
                    TEXT,
                    f"case field when 0 then {which}::varchar else {words(COUNTRIES, which)} end",
                )
                for which in ("old", "new")
            ),
            ("is_deleted", FLAG, "false"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
    ),
    Table(
        "lead",
        (
            ("id", ID, own_id(LEAD)),
            ("is_deleted", FLAG, "deleted"),
            ("master_record_id", ID, "null"),
            ("first_name", TEXT, "'Person'"),
            ("last_name", TEXT, "printf('%07d', person + 1)"),
            ("name", TEXT, "printf('Person %07d', person + 1)"),
            ("email", TEXT, "printf('person%07d@example.com', person + 1)"),
            (
                "company",
                TEXT,
                "case when account >= 0 then printf('Account %06d', account + 1) "
                "else printf('Company %07d', person + 1) end",
            ),
            ("country", TEXT, words(COUNTRIES, "country")),
            ("number_of_employees", WHOLE, "employees"),
            ("industry", TEXT, words(INDUSTRIES, "industry")),
            ("lead_source", TEXT, words(LEAD_SOURCES, "lead_source")),
            ("status", TEXT, words(LEAD_STATUSES, "status")),
            ("rating", TEXT, words(("Hot", "Warm", "Cold"), "rating")),
            ("owner_id", ID, own_id(USER, "owner")),
            ("is_converted", FLAG, "account >= 0"),
            ("converted_date", DAY, "converted::date"),
            ("converted_account_id", ID, identifier(ACCOUNT, "account")),
            ("converted_contact_id", ID, "null"),
            ("converted_opportunity_id", ID, identifier(OPPORTUNITY, "opportunity")),
            ("created_date", STAMP, "created"),
            ("created_by_id", ID, own_id(USER, "0")),
            ("last_modified_date", STAMP, "modified"),
            ("system_modstamp", STAMP, "modified"),
            ("lead_score_c", NUMBER, "score"),
            ("demographic_score_c", NUMBER, "demographic"),
            ("behavioral_score_c", NUMBER, "behavioural"),
            ("intent_score_c", NUMBER, "intent"),
            ("score_model_c", TEXT, words(("v1", "v2", "v3"), "model")),
            *(
                (f"bant_{flag}_c", FLAG, f"case when {flag} >= 0 then {flag} = 1 end")
                for flag in ("budget", "authority", "need", "timeline")
            ),
            ("self_reported_source_c", TEXT, words(SELF_REPORTED, "answer")),
            ("rejection_reason_c", TEXT, words(REJECTION_REASONS, "reason")),
            ("_fivetran_synced", STAMP, "synced"),
        ),
    ),
    Table(
        "lead_history",
        (
            ("id", ID, own_id("03a")),
            ("lead_id", ID, own_id(LEAD, "lead")),
            ("created_by_id", ID, own_id(USER, "author")),
            ("created_date", STAMP, "recorded"),
            ("field", TEXT, "'Status'"),
            ("data_type", TEXT, "'DynamicEnum'"),
            ("old_value", TEXT, words(LEAD_STATUSES, "old")),
            ("new_value", TEXT, words(LEAD_STATUSES, "new")),
            ("is_deleted", FLAG, "false"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
    ),
    Table(
        "task",
        (
            ("id", ID, own_id("00T")),
            ("who_id", ID, identifier(LEAD, "lead")),
            ("what_id", ID, identifier(OPPORTUNITY, "deal")),
            ("owner_id", ID, own_id(USER, "owner")),
            ("type", TEXT, words(("Call", "Email"), "kind")),
            ("task_subtype", TEXT, words(("Call", "Email"), "kind")),
            ("subject", TEXT, words(("Call", "Email"), "kind")),
            ("status", TEXT, "'Completed'"),
            ("priority", TEXT, "'Normal'"),
            ("is_closed", FLAG, "true"),
            ("is_deleted", FLAG, "false"),
            ("activity_date", DAY, "recorded::date"),
            ("completed_date_time", STAMP, "recorded"),
            ("created_by_id", ID, own_id(USER, "owner")),
            ("created_date", STAMP, "recorded"),
            ("last_modified_date", STAMP, "recorded"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
    ),
    Table(
        "event",
        (
            ("id", ID, own_id("00U")),
            ("who_id", ID, identifier(LEAD, "lead")),
            ("what_id", ID, own_id(OPPORTUNITY, "deal")),
            ("owner_id", ID, own_id(USER, "owner")),
            ("type", TEXT, "'Meeting'"),
            ("event_subtype", TEXT, "'Event'"),
            ("subject", TEXT, "'Meeting'"),
            ("meeting_outcome_c", TEXT, words(("Completed", "No Show", "Cancelled"), "outcome")),
            ("start_date_time", STAMP, "start"),
            ("end_date_time", STAMP, "start + interval 30 minute"),
            ("activity_date", DAY, "start::date"),
            ("activity_date_time", STAMP, "start"),
            ("is_deleted", FLAG, "false"),
            ("created_by_id", ID, own_id(USER, "creator")),
            ("created_date", STAMP, "created"),
            ("last_modified_date", STAMP, "modified"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
    ),
    Table(
        "user",
        (
            ("id", ID, own_id(USER)),
            ("_fivetran_deleted", FLAG, "false"),
            ("first_name", TEXT, "'User'"),
            ("last_name", TEXT, "printf('%05d', number + 1)"),
            ("name", TEXT, "printf('User %05d', number + 1)"),
            ("alias", TEXT, "printf('u%05d', number + 1)"),
            ("username", TEXT, "printf('user%05d@example.com', number + 1)"),
            ("email", TEXT, "printf('user%05d@example.com', number + 1)"),
            ("title", TEXT, "title"),
            ("department", TEXT, "department"),
            ("user_type", TEXT, "'Standard'"),
            ("user_role_id", ID, own_id(ROLE, "role")),
            ("manager_id", ID, identifier(USER, "manager")),
            ("is_active", FLAG, "active"),
            ("start_date_c", DAY, "created::date"),
            ("created_date", STAMP, "created"),
            ("last_modified_date", STAMP, "modified"),
            ("system_modstamp", STAMP, "modified"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
    ),
    Table(
        "user_role",
        (
            ("id", ID, own_id(ROLE)),
            ("_fivetran_deleted", FLAG, "false"),
            ("name", TEXT, "name"),
            ("developer_name", TEXT, "replace(name, ' ', '_')"),
            ("parent_role_id", ID, identifier(ROLE, "parent")),
            ("_fivetran_synced", STAMP, "synced"),
        ),
    ),
    Table(
        "record_type",
        (
            ("id", ID, own_id(RECORD_TYPE)),
            ("name", TEXT, "name"),
            ("developer_name", TEXT, "replace(name, ' ', '_')"),
            ("sobject_type", TEXT, "'Opportunity'"),
            ("is_active", FLAG, "true"),
            ("created_date", STAMP, "created"),
            ("system_modstamp", STAMP, "created"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
    ),
    Table(
        "dated_conversion_rate",
        (
            ("id", ID, own_id("04w")),
            ("iso_code", TEXT, words(CURRENCIES, "currency")),
            ("conversion_rate", NUMBER, "rate"),
            ("start_date", DAY, day("start_day")),
            ("next_start_date", DAY, day("next_day")),
            ("_fivetran_synced", STAMP, "synced"),
        ),
    ),
)
