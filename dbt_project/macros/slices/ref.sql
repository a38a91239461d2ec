{#
    Marts of the materialization replace_slice have two tables: `candidate.<mart>` holds the slices that this
    build makes and tests, `marts.<mart>` what is published. A node that is built together with the mart (same
    domain) reads the candidate; everybody else, and every command that builds nothing, the published one.
#}
{% macro ref() -%}
    {%- set relation = builtins.ref(*varargs, **kwargs) -%}
    {%- if is_candidate(varargs[-1]) -%}
        {%- do return(candidate_of(relation)) -%}
    {%- endif -%}
    {%- do return(relation) -%}
{%- endmacro %}

{# Whether a model is built slice by slice in this invocation, together with the node that asks. #}
{% macro is_candidate(name) -%}
    {%- if not execute or not is_building() or model.resource_type == 'unit_test' -%}
        {%- do return(false) -%}
    {%- endif -%}
    {%- set node = graph.nodes.get('model.' ~ project_name ~ '.' ~ name) -%}
    {%- do return(
        node is not none
        and node.config.materialized == 'replace_slice'
        and node.fqn[2] == model.fqn[2]
    ) -%}
{%- endmacro %}

{% macro candidate_of(relation) -%}
    {%- do return(relation.incorporate(path={'schema': 'candidate'}, type='table')) -%}
{%- endmacro %}

{#
    A mart of the same domain as it will stand after publication: the slices of this build and the published rows
    of all others. For aggregates that also need unchanged slices; filter on the slice column, or the whole
    history is read.
#}
{% macro as_published(name) -%}
    {%- set relation = ref(name) -%}
    {%- if not is_candidate(name) -%}
        {%- do return(relation) -%}
    {%- endif -%}
    {%- set node = graph.nodes['model.' ~ project_name ~ '.' ~ name] -%}
    {%- if not node.config.get('slice') or is_full_rebuild() -%}
        {%- do return(relation) -%}
    {%- endif -%}
    {%- set columns = node.columns.values() | map(attribute='name') | join(', ') -%}
    {%- set changed = graph.nodes['model.' ~ project_name ~ '.' ~ node.config.changed] -%}
    {%- set union -%}
    (
        select {{ columns }} from {{ relation }}
        union all
        select {{ columns }} from {{ node.relation_name }} as published
        where not exists (
            select 1 from {{ changed.relation_name }} as changed
            where changed.slice_on = published.{{ node.config.slice }}
        )
    )
    {%- endset -%}
    {%- do return(union) -%}
{%- endmacro %}

{#
    Rows given to unit tests take the types of the columns of the relation that they stand for. For a mart of the
    domain that is being built this is the candidate: the published one does not stand yet or is of other models.
#}
{% macro postgres__get_columns_in_relation(relation) -%}
    {%- set node = graph.nodes.get('model.' ~ project_name ~ '.' ~ relation.identifier) -%}
    {%- if
        is_building()
        and node is not none
        and node.config.materialized == 'replace_slice'
        and node.fqn[2] in built_domains()
    -%}
        {%- do return(dbt.postgres__get_columns_in_relation(candidate_of(relation))) -%}
    {%- endif -%}
    {%- do return(dbt.postgres__get_columns_in_relation(relation)) -%}
{%- endmacro %}
