{#
    A mart of the asking model's own domain as the last build left it, before this one. Not in a full rebuild:
    it may not exist yet.
#}
{% macro published(name) -%}
    {{ graph.nodes['model.' ~ project_name ~ '.' ~ name].relation_name if execute else name }}
{%- endmacro %}
