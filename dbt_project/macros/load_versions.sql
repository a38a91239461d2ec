{#
    Loads of a source with their place in the order of versions (the highest is the newest): what an agency
    delivered above samples, then revision in the name, the file's own time of change, content; never the order
    of arrival. Where a source has slices only one load of a slice is current, and of two slices that hold a key
    the one whose data reach further is newer. A load of corrected rows stands right behind the load it supplements.
#}
{% macro load_versions(source_id, is_sliced=true) -%}
    select
        load.load_id,
        row_number() over (
            order by
                root.is_sample desc,
                {% if is_sliced -%}
                root.data_to asc nulls first,
                {% endif -%}
                root.revision collate "C" asc,
                root.modified_at asc,
                root.sha256 asc,
                root.load_id asc,
                load.supplements_load_id asc nulls first,
                load.modified_at asc,
                load.sha256 asc,
                load.load_id asc
        ) as version_no
    from {{ source('ops', 'load') }} as load
    inner join {{ source('ops', 'load') }} as root on root.load_id = coalesce(load.supplements_load_id, load.load_id)
    where load.source_id = '{{ source_id }}' and load.status = 'loaded'
{%- endmacro %}
