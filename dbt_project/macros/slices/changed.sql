{#
    What came since the domain of the asking model was last published, as subqueries to select from. All of it in
    a full rebuild. They compare the ledger as it was when this build began with the ledger as it was when the
    published build began, load by load: ids say nothing, because a load takes its id when it begins and another
    with a higher one may be finished before.
#}

{# Loads that came, came back or lost their place, and their corrections, which do so with them; column load_id. #}
{% macro changed_loads(source_id) -%}
    (
        with changed as (
            select load.load_id
            from ops.build_load as load
            inner join ops.build as build on load.domain = build.domain
            left join ops.published_load as published
                on load.domain = published.domain and load.load_id = published.load_id
            where
                load.domain = '{{ model.fqn[2] }}'
                and load.source_id = '{{ source_id }}'
                and (
                    build.is_full_rebuild
                    or published.load_id is null
                    or (load.change_id, load.superseded_by_load_id)
                    is distinct from (published.change_id, published.superseded_by_load_id)
                )
            union
            {{ _holders_of_changed_slices(source_id, 'load_id') }}
        )

        select load_id from changed
        {%- for state in ['build', 'published'] %}
        union
        select load.load_id
        from ops.{{ state }}_load as load
        where load.domain = '{{ model.fqn[2] }}' and load.supplements_load_id in (select load_id from changed)
        {%- endfor %}
    )
{%- endmacro %}

{#
    Loads of an unsliced source whose rows the published marts hold and this build reads unchanged; column load_id.
    What they hold is the same before and after, whatever changed_loads() brings or takes.
#}
{% macro standing_loads(source_id) -%}
    (
        select standing.load_id
        from ops.published_load as standing
        inner join ops.published_load as base
            on
                standing.domain = base.domain
                and base.load_id = coalesce(standing.supplements_load_id, standing.load_id)
        where
            standing.domain = '{{ model.fqn[2] }}'
            and standing.source_id = '{{ source_id }}'
            and standing.superseded_by_load_id is null
            and base.superseded_by_load_id is null
            and not exists (
                select from {{ changed_loads(source_id) }} as changed
                where changed.load_id in (standing.load_id, base.load_id)
            )
    )
{%- endmacro %}

{#
    Slices of a sliced source whose rows are others now, by another load or by corrected rows; column slice_key.
    Sharper than the slices of changed_loads(): a load that lost one month still holds the others.
#}
{% macro changed_slices(source_id) -%}
    (
        {{ _holders_of_changed_slices(source_id, 'slice_key') }}
        union
        select held.slice_key
        from ops.build_load as load
        inner join ops.load_slice as held on load.supplements_load_id = held.load_id
        left join ops.published_load as published
            on load.domain = published.domain and load.load_id = published.load_id
        where
            load.domain = '{{ model.fqn[2] }}'
            and load.source_id = '{{ source_id }}'
            and (load.change_id, load.superseded_by_load_id, published.load_id is null)
            is distinct from (published.change_id, published.superseded_by_load_id, false)
    )
{%- endmacro %}

{% macro _holders_of_changed_slices(source_id, column) -%}
    select {% if column == 'load_id' %}holder.load_id{% else %}coalesce(slice.slice_key, published.slice_key) as slice_key{% endif %}
        from (select * from ops.build where domain = '{{ model.fqn[2] }}') as build
        cross join (
            (select * from ops.build_slice where domain = '{{ model.fqn[2] }}' and source_id = '{{ source_id }}')
            as slice
            full join (
                select * from ops.published_slice where domain = '{{ model.fqn[2] }}' and source_id = '{{ source_id }}'
            ) as published
                on slice.slice_key = published.slice_key
        )
        {%- if column == 'load_id' %}
        cross join lateral (values (slice.load_id), (published.load_id)) as holder (load_id)
        {%- endif %}
        where
            (build.is_full_rebuild or slice.load_id is distinct from published.load_id)
            {%- if column == 'load_id' %}
            and holder.load_id is not null
            {%- endif %}
{%- endmacro %}
