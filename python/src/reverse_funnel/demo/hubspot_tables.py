"""The HubSpot tables as Fivetran lands them: name, and for each column type and source.

Ids are numbers, as in HubSpot: one range for each kind of object. The histories of properties are
written as HubSpot keeps them: a row for each value a property was given, text throughout, dates
in milliseconds since 1970.
"""

from __future__ import annotations

from reverse_funnel.demo.config import (
    COUNTRIES,
    CURRENCIES,
    LEAD_SOURCES,
    REJECTION_REASONS,
    RENAME_DATE,
    RENAMED_STAGE,
    RENAMED_STAGE_OLD_NAME,
    SELF_REPORTED,
    STAGE_NAMES,
    STAGE_PROBABILITY,
    TYPE_RAW,
    WON,
)
from reverse_funnel.demo.tables import (
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

ID = "bigint"
DEAL, COMPANY, CONTACT = 9_000_000_000, 7_000_000_000, 5_000_000_000
OWNER, USER, TEAM, ROLE = 100_000_000, 200_000_000, 3_000_000, 4_000_000
CALL_OR_EMAIL, MEETING = 20_000_000_000, 30_000_000_000

PIPELINES = ("default", "17000001")
STAGE_IDS = (
    (
        "appointmentscheduled",
        "1000001",
        "qualifiedtobuy",
        "presentationscheduled",
        "decisionmakerboughtin",
        "contractsent",
        "closedwon",
        "closedlost",
        "1000002",
    ),
    (
        "appointmentscheduled",
        "qualifiedtobuy",
        "presentationscheduled",
        "decisionmakerboughtin",
        "contractsent",
        "2000001",
        "closedwon",
        "closedlost",
        "2000002",
    ),
)
"""Stage ids of each pipeline. The second uses some of the first's, for stages of its own."""
OLD_STAGE_ID = "1000000"
"""The deleted stage of both pipelines, of which the label is kept."""
DEAL_TYPES = ("newbusiness", "upsell", "crosssell")
LIFECYCLE_STAGES = (
    "lead",
    "working",
    "marketingqualifiedlead",
    "salesacceptedlead",
    "salesqualifiedlead",
    "opportunity",
    "rejected",
    "nurture",
)
FORECAST_CATEGORIES = ("PIPELINE", "BEST_CASE", "COMMIT", "CLOSED", "OMIT")
MEETING_OUTCOMES = ("COMPLETED", "NO_SHOW", "CANCELED")
PRIMARY_COMPANY, ANY_COMPANY, ANY_CONTACT = 5, 341, 3
"""Association types, as HubSpot numbers them."""


def identifier(base: int, number: str = "number") -> str:
    """Return SQL for an id; numbers start at 1, and -1 is null."""
    return f"case when {number} >= 0 then {base + 1} + {number}::bigint end"


def _stage_id(stage: str = "stage") -> str:
    default, other = (words(ids, stage) for ids in STAGE_IDS)
    return f"case when record_type = 0 then {default} else {other} end"


_STAGE_THEN = (
    f"case when stage = {RENAMED_STAGE} and recorded < timestamp '{RENAME_DATE}' "
    f"then '{OLD_STAGE_ID}' else {_stage_id()} end"
)
_ANSWERS = (
    f"case when second_answer >= 0 then {words(SELF_REPORTED, 'answer')} || ';' || "
    f"{words(SELF_REPORTED, 'second_answer')} else {words(SELF_REPORTED, 'answer')} end"
)
_HISTORY = (
    ("name", TEXT, "name"),
    ("value", TEXT, "value"),
    ("timestamp", STAMP, "recorded"),
    ("source", TEXT, "'CRM_UI'"),
    ("source_id", TEXT, f"'userId:' || ({identifier(USER, 'author')})"),
    ("_fivetran_synced", STAMP, "synced"),
)
_STATES = (
    "(select *, row_number() over deal = 1 as is_first, "
    "lag(stage_id) over deal as was_stage_id, lag(amount) over deal as was_amount, "
    "lag(close_day) over deal as was_close_day, lag(probability) over deal as was_probability, "
    "lag(category) over deal as was_category "
    f"from (select *, {_STAGE_THEN} as stage_id from {{chunk}}) "
    "window deal as (partition by opportunity order by number))"
)


def _values(chunk: str, *properties: tuple[str, str, str]) -> str:
    """Return SQL for the history rows that (name, value, condition) make of a chunk's rows."""
    return " union all ".join(
        f"select *, '{name}' as name, {value} as value from {chunk} where {condition}"
        for name, value, condition in properties
    )


def _unless_same(column: str, first: str = "true") -> str:
    return f"case when is_first then {first} else {column} is distinct from was_{column} end"


_DEAL_STATES = "({})".format(
    _values(
        _STATES,
        ("pipeline", words(PIPELINES, "record_type"), "is_first"),
        ("dealstage", "stage_id", _unless_same("stage_id")),
        (
            "amount",
            "case when isnan(amount) then '' else amount::decimal(18, 2)::varchar end",
            _unless_same("amount", "not isnan(amount)"),
        ),
        ("closedate", "(close_day::bigint * 86400000)::varchar", _unless_same("close_day")),
        (
            "hs_deal_stage_probability",
            "(probability / 100.0)::varchar",
            _unless_same("probability"),
        ),
        (
            "hs_manual_forecast_category",
            words(FORECAST_CATEGORIES, "category"),
            _unless_same("category"),
        ),
    )
)
_DEAL_FIRST = "({})".format(
    _values(
        "(select *, number as opportunity, created as recorded, creator as author from {chunk})",
        ("hubspot_owner_id", f"({identifier(OWNER, 'first_owner')})::varchar", "true"),
        ("dealtype", words(DEAL_TYPES, "first_type"), "true"),
        ("lead_source", words(LEAD_SOURCES, "first_source"), "true"),
        ("hs_exchange_rate", "first_rate::varchar", "true"),
    )
)
# HubSpot moves the rate of a deal along with the market.
_DEAL_RATES = (
    "(select *, number as opportunity, modified as recorded, owner as author, "
    "'hs_exchange_rate' as name, rate::varchar as value "
    "from {chunk} where rate <> first_rate and modified > created)"
)
_DEAL_FIELDS = (
    "(select *, ['hubspot_owner_id', 'lead_source', 'dealtype'][field + 1] as name, "
    f"case field when 0 then ({identifier(OWNER, 'new')})::varchar "
    f"when 1 then {words(LEAD_SOURCES, 'new')} else {words(DEAL_TYPES, 'new')} end as value "
    "from {chunk})"
)
_COMPANY_FIRST = "({})".format(
    _values(
        "(select *, number as account, created as recorded, owner as author from {chunk})",
        ("numberofemployees", "first_employees::varchar", "true"),
        ("country", words(COUNTRIES, "first_country"), "true"),
    )
)
_COMPANY_FIELDS = (
    "(select *, ['numberofemployees', 'country'][field + 1] as name, "
    f"case field when 0 then new::varchar else {words(COUNTRIES, 'new')} end as value "
    "from {chunk})"
)
_CONTACT_FIRST = (
    f"(select number as lead, 'lifecyclestage' as name, '{LIFECYCLE_STAGES[0]}' as value, "
    "created as recorded, owner as author, synced from {chunk})"
)
_CONTACT_FIELDS = "(select *, 'lifecyclestage' as name, {} as value from {{chunk}})".format(
    words(LIFECYCLE_STAGES, "new")
)
# Every ninth deal is also associated with a company that is not its own.
_DEAL_COMPANIES = (
    f"(select *, account as company, {PRIMARY_COMPANY} as type_id from {{chunk}} union all "
    f"select *, account, {ANY_COMPANY} from {{chunk}} union all "
    f"select *, 0, {ANY_COMPANY} from {{chunk}} where number % 9 = 0 and account > 0)"
)
_PIPELINE_STAGES = (
    "(select pipelines.number as pipeline, pipelines.created, pipelines.synced, stages.* "
    "from {chunk} as pipelines cross join (select unnest(range("
    f"{len(STAGE_NAMES) + 1})) as stage) as stages)"
)
_STAGE_NUMBER = f"case when stage < {len(STAGE_NAMES)} then stage else {RENAMED_STAGE} end"
_IS_OLD = f"stage = {len(STAGE_NAMES)}"

_ENGAGEMENT = (
    ("engagement_id", ID, "engagement"),
    ("_fivetran_deleted", FLAG, "false"),
    ("property_hubspot_owner_id", ID, identifier(OWNER, "owner")),
)
_TOUCHES = f"(select *, {identifier(CALL_OR_EMAIL)} as engagement from {{chunk}} where {{where}})"
_MEETINGS = f"(select *, {identifier(MEETING)} as engagement, 2 as kind from {{chunk}})"


def _touches(condition: str) -> str:
    return _TOUCHES.replace("{where}", condition)


TABLES: tuple[Table, ...] = (
    Table(
        "deal",
        (
            ("deal_id", ID, identifier(DEAL)),
            ("portal_id", ID, "1"),
            ("deal_pipeline_id", TEXT, words(PIPELINES, "record_type")),
            ("deal_pipeline_stage_id", TEXT, _stage_id()),
            ("owner_id", ID, identifier(OWNER, "owner")),
            ("is_deleted", FLAG, "deleted"),
            (
                "property_dealname",
                TEXT,
                f"printf('Account %06d - ', account + 1) || {words(TYPE_RAW, 'type_raw')} "
                "|| printf(' %06d', number + 1)",
            ),
            ("property_amount", MONEY, money("amount")),
            (
                "property_amount_in_home_currency",
                MONEY,
                f"{money('amount')} * rate",
            ),
            ("property_deal_currency_code", TEXT, words(CURRENCIES, "currency")),
            ("property_hs_exchange_rate", NUMBER, "rate"),
            ("property_closedate", STAMP, f"({day('close_day')})::timestamp"),
            ("property_createdate", STAMP, "created"),
            ("property_dealtype", TEXT, words(DEAL_TYPES, "type_raw")),
            ("property_lead_source", TEXT, words(LEAD_SOURCES, "lead_source")),
            ("property_hs_deal_stage_probability", NUMBER, "probability / 100.0"),
            ("property_hs_manual_forecast_category", TEXT, words(FORECAST_CATEGORIES, "category")),
            ("property_hs_is_closed", FLAG, f"stage >= {WON}"),
            ("property_hs_is_closed_won", FLAG, f"stage = {WON}"),
            ("property_self_reported_source", TEXT, _ANSWERS),
            ("property_hs_lastmodifieddate", STAMP, "modified"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
        feeds=(("opportunity", "{chunk}"),),
    ),
    Table(
        "deal_stage",
        (
            ("deal_id", ID, identifier(DEAL, "opportunity")),
            ("value", TEXT, "stage_id"),
            ("date_entered", STAMP, "recorded"),
            ("source", TEXT, "'CRM_UI'"),
            ("source_id", TEXT, f"'userId:' || ({identifier(USER, 'author')})"),
            ("_fivetran_start", STAMP, "recorded"),
            ("_fivetran_end", STAMP, "left_at"),
            ("_fivetran_active", FLAG, "left_at is null"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
        feeds=(
            (
                "opportunity_history",
                "(select *, "
                "lead(recorded) over (partition by opportunity order by number) as left_at "
                f"from {_STATES} where {_unless_same('stage_id')})",
            ),
        ),
    ),
    Table(
        "deal_property_history",
        (("deal_id", ID, identifier(DEAL, "opportunity")), *_HISTORY),
        feeds=(
            ("opportunity", _DEAL_FIRST),
            ("opportunity", _DEAL_RATES),
            ("opportunity_history", _DEAL_STATES),
            ("opportunity_field_history", _DEAL_FIELDS),
        ),
    ),
    Table(
        "deal_pipeline",
        (
            ("pipeline_id", TEXT, words(PIPELINES, "number")),
            ("_fivetran_deleted", FLAG, "false"),
            ("label", TEXT, "name"),
            ("active", FLAG, "true"),
            ("display_order", WHOLE, "number"),
            ("created_at", STAMP, "created"),
            ("updated_at", STAMP, "created"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
        feeds=(("record_type", "{chunk}"),),
    ),
    Table(
        "deal_pipeline_stage",
        (
            (
                "stage_id",
                TEXT,
                f"case when {_IS_OLD} then '{OLD_STAGE_ID}' when pipeline = 0 "
                f"then {words(STAGE_IDS[0], 'stage')} else {words(STAGE_IDS[1], 'stage')} end",
            ),
            ("pipeline_id", TEXT, words(PIPELINES, "pipeline")),
            ("_fivetran_deleted", FLAG, _IS_OLD),
            ("label", TEXT, words((*STAGE_NAMES, RENAMED_STAGE_OLD_NAME), "stage")),
            (
                "probability",
                NUMBER,
                f"{list(STAGE_PROBABILITY)}[{_STAGE_NUMBER} + 1] / 100.0",
            ),
            ("display_order", WHOLE, "stage"),
            ("active", FLAG, f"not ({_IS_OLD})"),
            ("is_closed", FLAG, f"{_STAGE_NUMBER} >= {WON}"),
            # Whatever its name, it has always meant closed.
            ("closed_won", FLAG, f"{_STAGE_NUMBER} >= {WON}"),
            ("created_at", STAMP, "created"),
            ("updated_at", STAMP, "created"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
        feeds=(("record_type", _PIPELINE_STAGES),),
    ),
    Table(
        "deal_company",
        (
            ("deal_id", ID, identifier(DEAL)),
            ("company_id", ID, identifier(COMPANY, "company")),
            ("type_id", WHOLE, "type_id"),
            ("category", TEXT, "'HUBSPOT_DEFINED'"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
        feeds=(("opportunity", _DEAL_COMPANIES),),
    ),
    Table(
        "deal_contact",
        (
            ("deal_id", ID, identifier(DEAL, "opportunity")),
            ("contact_id", ID, identifier(CONTACT)),
            ("type_id", WHOLE, str(ANY_CONTACT)),
            ("category", TEXT, "'HUBSPOT_DEFINED'"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
        feeds=(("lead", "(select * from {chunk} where opportunity >= 0)"),),
    ),
    Table(
        "merged_deal",
        (
            ("deal_id", ID, "null"),
            ("merged_deal_id", ID, "null"),
            ("_fivetran_synced", STAMP, "null"),
        ),
        feeds=(),
    ),
    Table(
        "company",
        (
            ("id", ID, identifier(COMPANY)),
            ("is_deleted", FLAG, "merged_into >= 0"),
            ("property_name", TEXT, "printf('Account %06d', number + 1)"),
            ("property_industry", TEXT, words(INDUSTRIES, "industry")),
            ("property_numberofemployees", WHOLE, "employees"),
            ("property_country", TEXT, words(COUNTRIES, "country")),
            ("property_hubspot_owner_id", ID, identifier(OWNER, "owner")),
            (
                "property_hs_merged_object_ids",
                TEXT,
                f"({identifier(COMPANY, 'absorbed')})::varchar",
            ),
            ("property_createdate", STAMP, "created"),
            ("property_hs_lastmodifieddate", STAMP, "modified"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
        feeds=(("account", "{chunk}"),),
    ),
    Table(
        "company_property_history",
        (("company_id", ID, identifier(COMPANY, "account")), *_HISTORY),
        feeds=(("account", _COMPANY_FIRST), ("account_history", _COMPANY_FIELDS)),
    ),
    Table(
        "contact",
        (
            ("id", ID, identifier(CONTACT)),
            ("_fivetran_deleted", FLAG, "deleted"),
            ("property_firstname", TEXT, "'Person'"),
            ("property_lastname", TEXT, "printf('%07d', person + 1)"),
            ("property_email", TEXT, "printf('person%07d@example.com', person + 1)"),
            (
                "property_company",
                TEXT,
                "case when account >= 0 then printf('Account %06d', account + 1) "
                "else printf('Company %07d', person + 1) end",
            ),
            ("property_country", TEXT, words(COUNTRIES, "country")),
            ("property_numemployees", WHOLE, "employees"),
            ("property_industry", TEXT, words(INDUSTRIES, "industry")),
            ("property_lead_source", TEXT, words(LEAD_SOURCES, "lead_source")),
            ("property_lifecyclestage", TEXT, words(LIFECYCLE_STAGES, "status")),
            (
                "property_hs_lifecyclestage_opportunity_date",
                STAMP,
                "case when account >= 0 then converted end",
            ),
            ("property_associatedcompanyid", ID, identifier(COMPANY, "account")),
            ("property_rating", TEXT, words(("Hot", "Warm", "Cold"), "rating")),
            ("property_hubspot_owner_id", ID, identifier(OWNER, "owner")),
            ("property_createdate", STAMP, "created"),
            ("property_lastmodifieddate", STAMP, "modified"),
            ("property_hubspotscore", NUMBER, "score"),
            ("property_demographic_score", NUMBER, "demographic"),
            ("property_behavioral_score", NUMBER, "behavioural"),
            ("property_intent_score", NUMBER, "intent"),
            ("property_score_model", TEXT, words(("v1", "v2", "v3"), "model")),
            *(
                (f"property_bant_{flag}", FLAG, f"case when {flag} >= 0 then {flag} = 1 end")
                for flag in ("budget", "authority", "need", "timeline")
            ),
            ("property_self_reported_source", TEXT, words(SELF_REPORTED, "answer")),
            ("property_rejection_reason", TEXT, words(REJECTION_REASONS, "reason")),
            ("_fivetran_synced", STAMP, "synced"),
        ),
        feeds=(("lead", "{chunk}"),),
    ),
    Table(
        "contact_property_history",
        (("contact_id", ID, identifier(CONTACT, "lead")), *_HISTORY),
        feeds=(("lead", _CONTACT_FIRST), ("lead_history", _CONTACT_FIELDS)),
    ),
    Table(
        "engagement",
        (
            ("id", ID, "engagement"),
            ("_fivetran_deleted", FLAG, "false"),
            ("portal_id", ID, "1"),
            ("type", TEXT, words(("CALL", "EMAIL", "MEETING"), "kind")),
            ("_fivetran_synced", STAMP, "synced"),
        ),
        feeds=(("task", _touches("true")), ("event", _MEETINGS)),
    ),
    *(
        Table(
            f"engagement_{kind}",
            (
                *_ENGAGEMENT,
                ("property_hs_timestamp", STAMP, "recorded"),
                ("property_hs_createdate", STAMP, "recorded"),
                (f"property_hs_{kind}_status", TEXT, f"'{status}'"),
                ("property_hs_lastmodifieddate", STAMP, "recorded"),
                ("_fivetran_synced", STAMP, "synced"),
            ),
            feeds=() if code is None else (("task", _touches(f"kind = {code}")),),
        )
        for kind, status, code in (
            ("call", "COMPLETED", 0),
            ("email", "SENT", 1),
            ("task", "COMPLETED", None),
        )
    ),
    Table(
        "engagement_meeting",
        (
            *_ENGAGEMENT,
            ("property_hs_timestamp", STAMP, "start"),
            ("property_hs_createdate", STAMP, "created"),
            ("property_hs_meeting_start_time", STAMP, "start"),
            ("property_hs_meeting_end_time", STAMP, "start + interval 30 minute"),
            ("property_hs_meeting_outcome", TEXT, words(MEETING_OUTCOMES, "outcome")),
            ("property_hs_lastmodifieddate", STAMP, "modified"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
        feeds=(("event", _MEETINGS),),
    ),
    *(
        Table(
            f"engagement_{kind}",
            (
                ("engagement_id", ID, "engagement"),
                (f"{kind}_id", ID, identifier(base, number)),
                ("engagement_type", TEXT, words(("CALL", "EMAIL", "MEETING"), "kind")),
                ("_fivetran_synced", STAMP, "synced"),
            ),
            feeds=(
                ("task", _touches(f"{number} >= 0")),
                ("event", f"(select * from {_MEETINGS} where {number} >= 0)"),
            ),
        )
        for kind, base, number in (("contact", CONTACT, "lead"), ("deal", DEAL, "deal"))
    ),
    Table(
        "owner",
        (
            ("owner_id", ID, identifier(OWNER)),
            ("portal_id", ID, "1"),
            ("type", TEXT, "'PERSON'"),
            ("first_name", TEXT, "'User'"),
            ("last_name", TEXT, "printf('%05d', number + 1)"),
            ("email", TEXT, "printf('user%05d@example.com', number + 1)"),
            ("active_user_id", ID, f"case when active then {identifier(USER)} end"),
            ("created_at", STAMP, "created"),
            ("updated_at", STAMP, "modified"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
        feeds=(("user", "{chunk}"),),
    ),
    Table(
        "users",
        (
            ("id", ID, identifier(USER)),
            ("_fivetran_deleted", FLAG, "not active"),
            ("email", TEXT, "printf('user%05d@example.com', number + 1)"),
            ("role_id", ID, identifier(ROLE, "role")),
            ("primary_team_id", ID, "null"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
        feeds=(("user", "{chunk}"),),
    ),
    Table(
        "role",
        (
            ("id", ID, identifier(ROLE)),
            ("name", TEXT, "name"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
        feeds=(("user_role", "{chunk}"),),
    ),
    Table(
        "team",
        (
            ("id", ID, identifier(TEAM, "team")),
            ("name", TEXT, "department"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
        feeds=(
            (
                "user",
                "(select department, dense_rank() over (order by department) as team, "
                "max(synced) as synced from {chunk} group by department)",
            ),
        ),
    ),
    Table(
        "owner_team",
        (
            ("owner_id", ID, identifier(OWNER)),
            ("team_id", ID, identifier(TEAM, "team")),
            ("is_team_primary", FLAG, "true"),
            ("_fivetran_synced", STAMP, "synced"),
        ),
        feeds=(
            ("user", "(select *, dense_rank() over (order by department) as team from {chunk})"),
        ),
    ),
)
