{#-
    The day a closed deal counts on: its close date, which people type, but not after the day the
    closing was recorded, since a typing error must book nothing in the future, nor before the day
    the CRM first knew of the opportunity. Days of recorded moments are UTC days. Where there is no
    close date, the day of recording. Why: docs/decisions/0009-booking-date.md.
-#}
{% macro booking_date(close_date, recorded_on, first_seen_on) -%}
    greatest(least(coalesce({{ close_date }}, {{ recorded_on }}), {{ recorded_on }}), {{ first_seen_on }})
{%- endmacro %}

{#- The day the CRM first knew of each opportunity, from its versions. -#}
{% macro first_seen_days(versions) -%}
    select
        opportunity_key,
        cast(valid_from as date) as first_seen_on
    from {{ versions }}
    where previous_stage_number is null
{%- endmacro %}
