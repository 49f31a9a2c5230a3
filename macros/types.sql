{#- Types and conversions in which warehouses differ. Each has one home, here. -#}

{% macro money_type() -%} decimal(18, 2) {%- endmacro %}

{% macro type_double() -%} {{ return(adapter.dispatch('type_double', 'unified_pipeline')()) }} {%- endmacro %}
{% macro default__type_double() -%} double {%- endmacro %}
{% macro postgres__type_double() -%} double precision {%- endmacro %}

{#- A 60-bit integer key from text: the same on every warehouse, so keys survive a move. -#}
{% macro integer_key(expression) -%} {{ return(adapter.dispatch('integer_key', 'unified_pipeline')(expression)) }} {%- endmacro %}
{% macro duckdb__integer_key(expression) -%} cast('0x' || substr(md5({{ expression }}), 1, 15) as bigint) {%- endmacro %}
{% macro postgres__integer_key(expression) -%} cast(cast('x0' || substr(md5({{ expression }}), 1, 15) as bit(64)) as bigint) {%- endmacro %}
{% macro default__integer_key(expression) -%} cast(conv(substr(md5({{ expression }}), 1, 15), 16, 10) as bigint) {%- endmacro %}

{#- Text to a value, null where it does not read as one. -#}
{% macro text_to_number(expression) -%} {{ return(adapter.dispatch('text_to_number', 'unified_pipeline')(expression)) }} {%- endmacro %}
{% macro default__text_to_number(expression) -%} try_cast(trim({{ expression }}) as {{ type_double() }}) {%- endmacro %}
{% macro postgres__text_to_number(expression) -%}
    case
        when trim({{ expression }}) ~ '^[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]{1,2})?$'
            then cast(trim({{ expression }}) as double precision)
    end
{%- endmacro %}

{% macro text_to_money(expression) -%}
    case
        when abs({{ text_to_number(expression) }}) < 1e15
            then cast({{ text_to_number(expression) }} as {{ money_type() }})
    end
{%- endmacro %}

{#- A number as an integer, null where it is too large for one or no number. -#}
{% macro number_to_integer(expression) -%}
    case when abs({{ expression }}) < 2147483647 then cast({{ expression }} as integer) end
{%- endmacro %}

{#-
    A text as a UTC timestamp: a day, or a day and a time after T or a blank, and what the time is ahead of UTC
    where the text tells: Z, UTC, +02, +0200 or +02:00. The pattern decides what reads as one, for a cast
    leaves out an offset here and fails on the 30th of February there.
-#}
{% macro text_to_timestamp(expression) -%} {{ return(adapter.dispatch('text_to_timestamp', 'unified_pipeline')(expression)) }} {%- endmacro %}
{% macro default__text_to_timestamp(expression) -%} try_cast(replace(trim({{ expression }}), 'Z', '') as timestamp) {%- endmacro %}
{% macro duckdb__text_to_timestamp(expression) -%}
    case
        when not regexp_matches(trim({{ expression }}), '{{ timestamp_pattern() }}') then null
        when regexp_matches(substr(trim({{ expression }}), 11), '[-+ZC]')
            then cast(try_cast(replace(trim({{ expression }}), ' UTC', 'Z') as timestamptz) at time zone 'UTC' as timestamp)
        else try_cast(trim({{ expression }}) as timestamp)
    end
{%- endmacro %}
{% macro postgres__text_to_timestamp(expression) -%}
    {#- a cast would round what is finer than a microsecond #}
    {%- set text = "regexp_replace(trim(" ~ expression ~ "), '([.][0-9]{6})[0-9]+', '\\1')" -%}
    case
        when not trim({{ expression }}) ~ '{{ timestamp_pattern() }}' then null
        when substr(trim({{ expression }}), 11) ~ '[-+ZC]' then cast({{ text }} as timestamp with time zone) at time zone 'UTC'
        else cast({{ text }} as timestamp)
    end
{%- endmacro %}

{#- As a regular expression, with the days that each month has; the year 0 is none. -#}
{% macro timestamp_pattern() -%}
    {%- set year = '([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])' -%}
    {%- set fours = '(0[48]|[2468][048]|[13579][26])' -%}
    {%- set leap_year = '([0-9]{2}' ~ fours ~ '|' ~ fours ~ '00)' -%}
    {%- set day = '(0[1-9]|1[0-9]|2[0-8]' -%}
    {%- set date = year ~ '-((0[13578]|1[02])-' ~ day ~ '|29|30|31)|(0[469]|11)-' ~ day ~ '|29|30)|02-' ~ day ~ '))' -%}
    {%- set time = '([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?' -%}
    {%- set offset = '(Z| UTC|[-+](0[0-9]|1[0-4])(:?[0-5][0-9])?)' -%}
    ^({{ date }}|{{ leap_year }}-02-29)([T ]{{ time }}{{ offset }}?)?$
{%- endmacro %}

{#- A timestamp without zone, in UTC, from whatever date or time type was landed. -#}
{% macro utc_timestamp(expression, data_type) -%}
    {%- if 'with time zone' in data_type | lower or 'timestamptz' in data_type | lower -%}
        cast({{ expression }} at time zone 'UTC' as {{ dbt.type_timestamp() }})
    {%- else -%} cast({{ expression }} as {{ dbt.type_timestamp() }}) {%- endif -%}
{%- endmacro %}

{#- The same where milliseconds since 1970 may stand instead of a date. -#}
{% macro text_or_millis_to_timestamp(expression) -%}
    case
        when trim({{ expression }}) like '____-%' then {{ text_to_timestamp(expression) }}
        else {{ millis_to_timestamp(text_to_number(expression)) }}
    end
{%- endmacro %}

{#- Null where it is before the year 1 or after 9999. -#}
{% macro millis_to_timestamp(expression) -%}
    case
        when {{ expression }} > -62135596800000 and {{ expression }} < 253402300800000
            then {{ adapter.dispatch('millis_to_timestamp', 'unified_pipeline')(expression) }}
    end
{%- endmacro %}
{% macro default__millis_to_timestamp(expression) -%} timestamp_millis(cast({{ expression }} as bigint)) {%- endmacro %}
{% macro duckdb__millis_to_timestamp(expression) -%} make_timestamp_ms(cast({{ expression }} as bigint)) {%- endmacro %}
{% macro postgres__millis_to_timestamp(expression) -%} (to_timestamp({{ expression }} / 1000) at time zone 'UTC') {%- endmacro %}

{#- A UTC timestamp as the clocks of a time zone show it. -#}
{% macro in_time_zone(moment, zone) -%} {{ return(adapter.dispatch('in_time_zone', 'unified_pipeline')(moment, zone)) }} {%- endmacro %}
{% macro default__in_time_zone(moment, zone) -%} from_utc_timestamp({{ moment }}, '{{ zone }}') {%- endmacro %}
{% macro duckdb__in_time_zone(moment, zone) -%} ({{ moment }} at time zone 'UTC' at time zone '{{ zone }}') {%- endmacro %}
{% macro postgres__in_time_zone(moment, zone) -%} ({{ moment }} at time zone 'UTC' at time zone '{{ zone }}') {%- endmacro %}

{#- One row for each part of a text that a character divides; in a select list, beside columns. -#}
{% macro split_to_rows(expression, divider) -%} {{ return(adapter.dispatch('split_to_rows', 'unified_pipeline')(expression, divider)) }} {%- endmacro %}
{% macro default__split_to_rows(expression, divider) -%} explode(split({{ expression }}, '{{ divider }}')) {%- endmacro %}
{% macro duckdb__split_to_rows(expression, divider) -%} unnest(string_split({{ expression }}, '{{ divider }}')) {%- endmacro %}
{% macro postgres__split_to_rows(expression, divider) -%} unnest(string_to_array({{ expression }}, '{{ divider }}')) {%- endmacro %}

{#- The texts, or the objects, of a JSON list: one row each; in a select list, beside columns. -#}
{% macro json_texts_to_rows(list) -%} {{ return(adapter.dispatch('json_texts_to_rows', 'unified_pipeline')(list)) }} {%- endmacro %}
{% macro default__json_texts_to_rows(list) -%} explode(from_json({{ list }}, 'array<string>')) {%- endmacro %}
{% macro duckdb__json_texts_to_rows(list) -%} unnest(from_json({{ list }}, '["varchar"]')) {%- endmacro %}
{% macro postgres__json_texts_to_rows(list) -%} jsonb_array_elements_text(cast({{ list }} as jsonb)) {%- endmacro %}

{% macro json_objects_to_rows(list) -%} {{ return(adapter.dispatch('json_objects_to_rows', 'unified_pipeline')(list)) }} {%- endmacro %}
{% macro default__json_objects_to_rows(list) -%} explode(from_json({{ list }}, 'array<string>')) {%- endmacro %}
{% macro duckdb__json_objects_to_rows(list) -%} unnest(from_json({{ list }}, '["json"]')) {%- endmacro %}
{% macro postgres__json_objects_to_rows(list) -%} jsonb_array_elements(cast({{ list }} as jsonb)) {%- endmacro %}

{#- A value of a JSON object as text, by its path of names. -#}
{% macro json_text(object, path) -%} {{ return(adapter.dispatch('json_text', 'unified_pipeline')(object, path)) }} {%- endmacro %}
{% macro default__json_text(object, path) -%} get_json_object({{ object }}, '$.{{ path | join('.') }}') {%- endmacro %}
{% macro duckdb__json_text(object, path) -%} json_extract_string({{ object }}, '$.{{ path | join('.') }}') {%- endmacro %}
{% macro postgres__json_text(object, path) -%} ({{ object }} #>> '{{ '{' ~ path | join(',') ~ '}' }}') {%- endmacro %}

{#- A ratio in double precision; null where there is nothing to divide by. -#}
{% macro ratio(numerator, denominator) -%}
    (cast({{ numerator }} as {{ type_double() }}) / nullif(cast({{ denominator }} as {{ type_double() }}), 0))
{%- endmacro %}

{#- A double as a decimal, rounded once: Postgres would first round it to 15 digits. -#}
{% macro double_to_decimal(expression, data_type) -%} {{ return(adapter.dispatch('double_to_decimal', 'unified_pipeline')(expression, data_type)) }} {%- endmacro %}
{% macro default__double_to_decimal(expression, data_type) -%} cast({{ expression }} as {{ data_type }}) {%- endmacro %}
{% macro postgres__double_to_decimal(expression, data_type) -%} cast(cast({{ expression }} as text) as {{ data_type }}) {%- endmacro %}

{#- A currency rate, null where it is no rate: none, infinite, or a million and more. -#}
{% macro rate_to_decimal(expression) -%}
    case when abs({{ expression }}) < 1e6 then {{ double_to_decimal(expression, 'decimal(18, 12)') }} end
{%- endmacro %}

{#- Exact in decimals, so that every warehouse rounds to the same cent. -#}
{% macro in_corporate_currency(amount, corporate_rate) -%}
    case
        when {{ corporate_rate }} = 1 then {{ amount }}
        else cast(cast({{ amount }} as decimal(38, 2)) * {{ corporate_rate }} as {{ money_type() }})
    end
{%- endmacro %}
