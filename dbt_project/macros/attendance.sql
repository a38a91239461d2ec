{# No leave is longer: three years at one's own expense and one more (CLTN). A later end is a slip of the pen. #}
{% macro longest_leave_days() -%}
    1460
{%- endmacro %}

{# A number as Indonesians write it: 0.50 becomes 0,5. #}
{% macro decimal_comma(number) -%}
    replace(trim_scale({{ number }})::text, '.', ',')
{%- endmacro %}

{# Minutes that a class of attendance_rule holds, as words. #}
{% macro minutes_of_class(minutes_from, minutes_to) -%}
    case
        when {{ minutes_to }} is null then {{ minutes_from }} || ' menit ke atas'
        else {{ minutes_from }} || '–' || {{ minutes_to }} - 1 || ' menit'
    end
{%- endmacro %}

{# What a deduction is called at the end of a sentence. #}
{% macro deduction_words(deduction_pct) -%}
    case
        when {{ deduction_pct }} is null then 'potongannya belum diatur'
        when {{ deduction_pct }} = 0 then 'tanpa potongan'
        else 'potongan ' || {{ decimal_comma(deduction_pct) }} || ' %'
    end
{%- endmacro %}

{# Expected days of every month that holds a changed day, unchanged days of it as they are published. #}
{% macro attendance_of_changed_months() -%}
    select
        changed.slice_on as month_on,
        day.*
    from {{ ref('int_attendance__changed_month') }} as changed
    cross join lateral (
        -- Month by month, so that each is read by the index of the day and never the whole history.
        select
            employee_key,
            work_on,
            opd_code,
            opd_name,
            opd_short_name,
            status_code,
            status_label,
            late_minutes,
            early_leave_minutes,
            late_class,
            deduction_pct
        from {{ as_published('fct_attendance_day') }} as published_day
        where
            work_on >= changed.slice_on
            and work_on < (changed.slice_on + interval '1 month')::date
            and status_code <> 'off_day'
        offset 0
    ) as day
{%- endmacro %}
