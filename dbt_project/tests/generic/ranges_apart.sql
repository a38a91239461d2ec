{#
    Two rows of one key that are valid on the same day: a join by day would double its rows. An empty end or
    beginning means no end or beginning. A column may be an expression, also one that makes several keys of a row.
#}
{% test ranges_apart(model, columns, from_column='valid_from', to_column='valid_to') %}
with ranged as (
    select
        row({{ columns | join(', ') }}) as range_key,
        coalesce({{ from_column }}, '-infinity') as range_from,
        coalesce({{ to_column }}, 'infinity') as range_to
    from {{ model }}
),

ranked as (
    select
        *,
        lag(range_to) over (partition by range_key order by range_from) as range_before_to
    from ranged
)

select * from ranked
where range_from > range_to or range_from <= range_before_to
{% endtest %}
