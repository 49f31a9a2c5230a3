{#- What several models must agree on when they tell faulty rows from others: see docs/data_quality.md. -#}

{#-
    Whether a moment can be: on a day of the calendar, and not more than some days after the row that
    tells of it was loaded. Null where there is no moment.
-#}
{% macro is_possible_moment(moment, loaded_at, days_ahead=2) -%}
    (
        {{ is_possible_date(moment) }}
        and ({{ loaded_at }} is null or {{ moment }} < {{ dbt.dateadd('day', days_ahead, loaded_at) }})
    )
{%- endmacro %}

{#- How many days after its load a row of a table of the contract may speak of: touches are planned ahead. -#}
{% macro days_ahead(contract_table) -%} {{ return(1100 if contract_table == 'touches' else 2) }} {%- endmacro %}

{% macro is_possible_date(day) -%}
    ({{ day }} >= {{ calendar_first_day() }} and {{ day }} < {{ calendar_ends_before() }})
{%- endmacro %}

{#- The contrary of the two, and null where there is no moment. -#}
{% macro is_impossible_moment(moment, loaded_at, days_ahead=2) -%}
    ({{ is_impossible_date(moment) }} or {{ moment }} >= {{ dbt.dateadd('day', days_ahead, loaded_at) }})
{%- endmacro %}

{% macro is_impossible_date(day) -%}
    ({{ day }} < {{ calendar_first_day() }} or {{ day }} >= {{ calendar_ends_before() }})
{%- endmacro %}

{#- A close date so far from the creation that it stands for "some day". -#}
{% macro is_far_close_date(close_date, created_at) -%}
    {{ close_date }} >= cast({{ dbt.dateadd('year', var('far_close_date_years'), created_at) }} as date)
{%- endmacro %}

{#-
    The day on which a fault entered, as far as rows tell: that of the moment given, unless there is none
    or it cannot be or is still to come; then the day the row was loaded, and where no loader says that, the as-of date.
-#}
{% macro fault_entered_on(moment, loaded_at, as_of_date='as_of.as_of_date') -%}
    case
        when {{ is_possible_date(moment) }} and {{ moment }} <= coalesce({{ loaded_at }}, {{ moment }}) then cast({{ moment }} as date)
        else coalesce(cast({{ loaded_at }} as date), {{ as_of_date }})
    end
{%- endmacro %}

{#-
    A name without its spelling: in small letters, without blanks around it, with single ones inside,
    and without characters that cannot be seen. What people paste brings no-break and zero-width spaces.
-#}
{% macro spelling_key(name) -%}
    {%- set blanks = '\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t\n\r\x0b\x0c' -%}
    {%- set unseen = '\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f' -%}
    {%- set ns = namespace(text="translate(lower(" ~ without_nul(name) ~ "), '" ~ blanks ~ unseen ~ "', '" ~ ' ' * (blanks | length) ~ "')") -%}
    {%- for _ in range(4) -%} {%- set ns.text = "replace(" ~ ns.text ~ ", '  ', ' ')" -%} {%- endfor -%}
    trim({{ ns.text }})
{%- endmacro %}

{#-
    The stage names that are known, and whether each is mapped under another spelling only: a name that one
    pipeline maps as it is written is no fault.
-#}
{% macro spelled_stages(stage_map) -%}
    select
        crm,
        stage_name,
        min(case when is_respelled then 1 else 0 end) = 1 as is_respelled
    from {{ stage_map }}
    group by crm, stage_name
{%- endmacro %}

{#- Text without NUL characters, which some databases hold and others refuse. -#}
{% macro without_nul(text) -%} {{ return(adapter.dispatch('without_nul', 'unified_pipeline')(text)) }} {%- endmacro %}
{% macro default__without_nul(text) -%} replace({{ text }}, chr(0), '') {%- endmacro %}
{% macro postgres__without_nul(text) -%} {{ text }} {%- endmacro %}

{#-
    Whether a text was damaged on its way: read in the wrong encoding, with replacement characters, or
    with characters that cannot be seen.
-#}
{% macro is_garbled(text) -%}
    ({{ text }} like '%Ã%' or {{ text }} like '%â€%' or {{ text }} like '%�%' or {{ without_unseen(text) }} <> {{ text }})
{%- endmacro %}

{% macro without_unseen(text) -%}
    {%- set unseen = '\u200b\u200c\u200d\u2060\ufeff\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f' -%}
    translate({{ without_nul(text) }}, '{{ unseen }}', '')
{%- endmacro %}
