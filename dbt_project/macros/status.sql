{# Code of a score (actual divided by target, 1.0 = on target); a missing score is unknown, never low. #}
{% macro status_code(score) -%}
    case
        when {{ score }} is null then 'unknown'
        when {{ score }} > 1 + {{ var('score_tolerance') }} then 'above'
        when {{ score }} < 1 - {{ var('score_tolerance') }} then 'below'
        else 'on'
    end
{%- endmacro %}

{#
    Shape and words of a status, so that colour never carries the meaning alone. Where less is better a value
    behind its target stands above it: those words say better and not reached instead of above and below.
#}
{% macro status_label(code, is_higher_better='true') -%}
    case
        when {{ code }} = 'above' and {{ is_higher_better }} then '▲ Di atas target'
        when {{ code }} = 'above' then '▲ Lebih baik dari target'
        when {{ code }} = 'on' then '● Sesuai target'
        when {{ code }} = 'below' and {{ is_higher_better }} then '▼ Di bawah target'
        when {{ code }} = 'below' then '▼ Belum mencapai target'
        else '○ Belum ada data'
    end
{%- endmacro %}

{# Code of a value against its band: at least the upper end is above target, at least the lower one on target. #}
{% macro band_status(value, lower, upper) -%}
    case
        when {{ value }} is null or {{ lower }} is null or {{ upper }} is null then 'unknown'
        when {{ value }} >= {{ upper }} then 'above'
        when {{ value }} >= {{ lower }} then 'on'
        else 'below'
    end
{%- endmacro %}
