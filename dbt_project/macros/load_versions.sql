{#
    Loads of a source with their place in the order of versions (the highest is the newest): revision in the
    name, content; never the order of arrival. Where a source has slices only one load of a slice is current, and
    of two slices that hold a key the one whose data reach further is newer.
#}
{% macro load_versions(source_id, is_sliced=true) -%}
    select
        load_id,
        row_number() over (
            order by
                {% if is_sliced -%}
                data_to asc nulls first,
                {% endif -%}
                revision asc,
                sha256 asc,
                load_id asc
        ) as version_no
    from {{ source('ops', 'load') }}
    where source_id = '{{ source_id }}' and status = 'loaded'
{%- endmacro %}
