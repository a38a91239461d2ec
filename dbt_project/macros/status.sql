{# Code of a score (actual divided by target, 1.0 = on target); a missing score is unknown, never low. #}
{% macro status_code(score) -%}
    case
        when {{ score }} is null then 'unknown'
        when {{ score }} > 1 + {{ var('score_tolerance') }} then 'above'
        when {{ score }} < 1 - {{ var('score_tolerance') }} then 'below'
        else 'on'
    end
{%- endmacro %}

{# Shape and words of a status, so that colour never carries the meaning alone. #}
{% macro status_label(code) -%}
    case {{ code }}
        when 'above' then '▲ Di atas target'
        when 'on' then '● Sesuai target'
        when 'below' then '▼ Di bawah target'
        else '○ Belum ada data'
    end
{%- endmacro %}
