{#-
    Joins a relation that has pipeline_source and segment to finance's costs of a qualified
    opportunity as they stood on `day`. A row for the segment goes before one for all.
    standard_cost() then gives the cost, null where finance has said none.
-#}
{% macro join_source_costs(relation, day) -%}
    left join {{ ref('source_costs') }} as of_segment
        on
            {{ relation }}.pipeline_source = of_segment.pipeline_source
            and {{ relation }}.segment = of_segment.segment
            and {{ day }} >= coalesce(of_segment.valid_from, cast('1900-01-01' as date))
            and {{ day }} < coalesce(of_segment.valid_to, cast('2999-12-31' as date))
    left join {{ ref('source_costs') }} as of_all
        on
            {{ relation }}.pipeline_source = of_all.pipeline_source
            and of_all.segment is null
            and {{ day }} >= coalesce(of_all.valid_from, cast('1900-01-01' as date))
            and {{ day }} < coalesce(of_all.valid_to, cast('2999-12-31' as date))
{%- endmacro %}

{% macro standard_cost() -%}
    coalesce(of_segment.cost_per_opportunity, of_all.cost_per_opportunity)
{%- endmacro %}
