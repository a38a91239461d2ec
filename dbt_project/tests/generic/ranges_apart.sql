{# Two rows of one key that are valid on the same day: a join by day would double its rows. #}
{% test ranges_apart(model, columns, from_column='valid_from', to_column='valid_to') %}
with ranked as (
    select
        {{ columns | join(', ') }},
        {{ from_column }} as range_from,
        {{ to_column }} as range_to,
        lag({{ to_column }}) over (partition by {{ columns | join(', ') }} order by {{ from_column }}) as range_before_to
    from {{ model }}
)

select * from ranked
where range_from > range_to or range_from <= range_before_to
{% endtest %}
