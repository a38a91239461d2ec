{#
    Condition that a raw row belongs to the current picture. Raw keeps every load for audit: a sliced source
    counts the load that the ledger names for the row's slice, an unsliced one every load that succeeded.
    The raw table must be aliased `landed`.
#}
{% macro is_current_row(source_id, is_sliced=true) -%}
    {%- if is_sliced -%}
    exists (
        select 1
        from {{ source('ops', 'slice') }} as slice
        where
            slice.source_id = '{{ source_id }}'
            and slice.slice_key = landed._slice
            and slice.load_id = landed._load_id
    )
    {%- else -%}
    exists (
        select 1
        from {{ source('ops', 'load') }} as load
        where
            load.source_id = '{{ source_id }}'
            and load.load_id = landed._load_id
            and load.status = 'loaded'
    )
    {%- endif -%}
{%- endmacro %}
