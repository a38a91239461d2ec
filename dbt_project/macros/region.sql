{# Kemendagri code of the local government that this installation serves. #}
{% macro home_region_code() -%}
    {{ var('region', env_var('REGION', '35.23')) }}
{%- endmacro %}

{#
    Time zone of the home region, from its province code: the islands of western, central and eastern
    Indonesia (Keppres 41/1987). The same zones stand in regions/*.yaml; a test compares them.
#}
{% macro region_time_zone() -%}
    {%- set province = home_region_code().split('.')[0] | int -%}
    {%- if province < 50 or province in (61, 62) -%}
    Asia/Jakarta
    {%- elif province < 80 -%}
    Asia/Makassar
    {%- else -%}
    Asia/Jayapura
    {%- endif -%}
{%- endmacro %}
