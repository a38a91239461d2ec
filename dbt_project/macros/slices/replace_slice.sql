{#
    Builds the changed slices of a mart as `candidate.<mart>`; `marts.<mart>` changes only when the whole domain
    has passed its tests (publish_domain). Configuration:
      slice    column of type date; without it the whole table is one slice
      changed  intermediate model with the column slice_on: the slices that this run rebuilds
    The model's own SQL must join `changed`, so that it neither reads nor writes anything else.
#}
{% materialization replace_slice, adapter='postgres' -%}
    {%- set candidate = candidate_of(this) -%}
    {%- set slice = config.get('slice') -%}
    {%- set changed = config.get('changed') -%}
    {%- if (slice is none) != (changed is none) -%}
        {%- do exceptions.raise_compiler_error(model.name ~ ": give both slice and changed, or neither") -%}
    {%- endif -%}
    {%- if not config.get('contract').enforced -%}
        {%- do exceptions.raise_compiler_error(model.name ~ ": replace_slice needs an enforced contract") -%}
    {%- endif -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- set is_clustered = config.get('indexes', []) | selectattr('type', 'equalto', 'brin') | list | length > 0 -%}
    {%- set rows = sql -%}
    {%- if is_clustered and slice is not none -%}
        {#- A block index needs the rows of a day to lie together. -#}
        {%- set rows = 'select * from (' ~ sql ~ ') as unsorted order by ' ~ slice -%}
    {%- endif -%}
    {% call statement('main') -%}
        drop table if exists {{ candidate }};
        {{ get_create_table_as_sql(False, candidate, rows) }}
    {%- endcall %}
    {% call statement('analyze') -%}
        analyze {{ candidate }}
    {%- endcall %}
    {% if is_full_rebuild() -%}
        {#- This very table will be the published one; a few slices are inserted into a table with indexes. -#}
        {% do create_indexes(candidate) %}
    {%- endif %}
    {% if slice is not none -%}
        {%- set outside = run_query(
            'select count(*) from ' ~ candidate ~ ' as candidate where not exists (select from '
            ~ graph.nodes['model.' ~ project_name ~ '.' ~ changed].relation_name
            ~ ' as changed where changed.slice_on = candidate.' ~ slice ~ ')'
        ).rows[0][0] -%}
        {%- if outside > 0 -%}
            {%- do exceptions.raise_compiler_error(
                model.name ~ ": " ~ outside ~ " rows lie outside the slices of " ~ changed ~ "; join it"
            ) -%}
        {%- endif -%}
    {%- endif %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [candidate]}) }}
{%- endmaterialization %}
