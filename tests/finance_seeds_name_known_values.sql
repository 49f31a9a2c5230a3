-- People, costs or policies of a segment, territory or source that no mapping knows would never meet the
-- pipeline they are meant for.
with named as (
    {% for seed, dimensions in {
        'headcount': ['segment', 'territory'],
        'costs': ['segment', 'pipeline_source'],
        'ramp': ['segment'],
        'ae_policy': ['segment'],
        'viability_policy': ['segment'],
    }.items() -%}
    {% set last_seed = loop.last -%}
    {% for dimension in dimensions -%}
    select
        '{{ seed }}' as seed,
        '{{ dimension }}' as dimension,
        {{ dimension }} as named_value
    from {{ ref(seed) }}
    where {{ dimension }} is not null and {{ dimension }} not in ('all', 'unmapped')
    {% if not (last_seed and loop.last) %}union{% endif %}
    {% endfor -%}
    {% endfor %}
),

known as (
    {% for dimension, seed in {
        'segment': 'segment_rules',
        'territory': 'territory_map',
        'pipeline_source': 'pipeline_source_map',
    }.items() -%}
    select
        '{{ dimension }}' as dimension,
        {{ dimension }} as known_value
    from {{ ref(seed) }}
    {% if not loop.last %}union{% endif %}
    {% endfor %}
)

select named.*
from named
left join known on named.dimension = known.dimension and named.named_value = known.known_value
where known.known_value is null
