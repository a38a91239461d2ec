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

{# Code of a value against its band: at least the upper end is above target, at least the lower one on target. #}
{% macro band_status(value, lower, upper) -%}
    case
        when {{ value }} is null or {{ lower }} is null or {{ upper }} is null then 'unknown'
        when {{ value }} >= {{ upper }} then 'above'
        when {{ value }} >= {{ lower }} then 'on'
        else 'below'
    end
{%- endmacro %}
