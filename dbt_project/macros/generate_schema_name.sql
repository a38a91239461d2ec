{# Layers are schemas of exactly these names; roles are granted on them (deploy/sql). #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name if custom_schema_name else target.schema }}
{%- endmacro %}
