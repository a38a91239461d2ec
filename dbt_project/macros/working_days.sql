{#
    Days between two dates in working days, from the calendar's numbers: a clock that starts or stops on a day
    off counts from, or to, the working day before. Null when either is; negative when the clock runs backwards.
#}
{% macro working_days_between(from_on, to_on) -%}
    (
        select calendar_to.working_day_no - calendar_from.working_day_no
        from {{ ref('int_shared__calendar') }} as calendar_from
        inner join {{ ref('int_shared__calendar') }} as calendar_to on calendar_to.date_on = {{ to_on }}
        where calendar_from.date_on = {{ from_on }}
    )
{%- endmacro %}

{# The working day that stands n working days behind a day; null beyond the end of the calendar. #}
{% macro working_day_after(from_on, days) -%}
    (
        select calendar_to.date_on
        from {{ ref('int_shared__calendar') }} as calendar_from
        inner join {{ ref('int_shared__calendar') }} as calendar_to
            on
                calendar_to.is_working_day
                and calendar_to.working_day_no = calendar_from.working_day_no + {{ days }}
        where calendar_from.date_on = {{ from_on }}
    )
{%- endmacro %}
