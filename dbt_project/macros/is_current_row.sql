{#
    Condition that a raw row belongs to the current picture. Raw keeps every load for audit: a sliced source
    counts the load that the ledger names for the row's slice, an unsliced one every load that no newer load of
    the same content superseded. Corrected rows (a supplement) count whenever the load that they supplement does.
    The raw table must be aliased `landed`.
#}
{% macro is_current_row(source_id, is_sliced=true) -%}
    {%- if is_sliced -%}
    exists (
        select 1
        from {{ source('ops', 'slice') }} as slice
        inner join {{ source('ops', 'load') }} as load
            on slice.load_id = coalesce(load.supplements_load_id, load.load_id)
        where
            slice.source_id = '{{ source_id }}'
            and slice.slice_key = landed._slice
            and load.load_id = landed._load_id
            and load.superseded_by_load_id is null
    )
    {%- else -%}
    exists (
        select 1
        from {{ source('ops', 'load') }} as load
        inner join {{ source('ops', 'load') }} as base
            on base.load_id = coalesce(load.supplements_load_id, load.load_id)
        where
            load.source_id = '{{ source_id }}'
            and load.load_id = landed._load_id
            and load.status = 'loaded'
            and load.superseded_by_load_id is null
            and base.superseded_by_load_id is null
    )
    {%- endif -%}
{%- endmacro %}
