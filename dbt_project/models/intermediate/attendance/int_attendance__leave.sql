{{ config(materialized='table') }}

with bounds as (
    select
        min(slice_on) as first_on,
        max(slice_on) as last_on
    from {{ ref('int_attendance__changed_day') }}
),

letter as (
    select
        nip_key as employee_key,
        kind_code as leave_code,
        start_on,
        least(end_on, start_on + {{ longest_leave_days() }}) as end_on
    from {{ ref('stg_bkpsdm__ketidakhadiran') }}
    where
        start_on >= (select bounds.first_on - {{ longest_leave_days() }} from bounds)
        and start_on <= (select bounds.last_on from bounds)
),

-- Of several letters for one day the kind counts that leave_kind names first.
final as (
    select distinct on (letter.employee_key, changed.slice_on)
        letter.employee_key,
        changed.slice_on as work_on,
        letter.leave_code,
        kind.leave_name,
        kind.status_code,
        letter.start_on,
        letter.end_on
    from letter
    inner join {{ ref('int_attendance__changed_day') }} as changed
        on changed.slice_on between letter.start_on and letter.end_on
    inner join {{ ref('leave_kind') }} as kind on letter.leave_code = kind.leave_code
    order by
        letter.employee_key asc,
        changed.slice_on asc,
        kind.priority asc,
        letter.start_on desc
)

select * from final
