{# Number of the bucket into which an open complaint of so many working days falls. #}
{% macro complaint_age_bucket(days) -%}
    case
        when {{ days }} is null then null
        when {{ days }} <= 5 then 1
        when {{ days }} <= 14 then 2
        when {{ days }} <= 30 then 3
        when {{ days }} <= 60 then 4
        else 5
    end
{%- endmacro %}

{# Words of a bucket; they sort as text in the order of age. #}
{% macro complaint_age_label(bucket_no) -%}
    (array['00–05 hari kerja', '06–14 hari kerja', '15–30 hari kerja', '31–60 hari kerja', '61+ hari kerja'])[{{ bucket_no }}]
{%- endmacro %}
