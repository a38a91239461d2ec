{#
    Spelling reduced to letters and digits, so that "Gondang Wetan", "GONDANGWETAN" and "gondang-wetan" meet.
#}
{% macro name_key(expression) -%}
    regexp_replace(replace(lower({{ expression }}), '&', 'dan'), '[^a-z0-9]', '', 'g')
{%- endmacro %}
