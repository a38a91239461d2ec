{{ config(materialized='table', unlogged=true, post_hook='analyze {{ this }}') }}

with bounds as (
    select
        min(work_on) as first_on,
        max(work_on) as last_on
    from {{ ref('int_attendance__work_day') }}
),

roster as (
    select
        roster.nip_key as employee_key,
        roster.work_on,
        shift.shift_code,
        shift.shift_name,
        roster.work_on + shift.start_time as starts_at,
        roster.work_on + shift.end_time + shift.crosses_midnight::integer * interval '1 day' as ends_at
    from {{ ref('stg_bkpsdm__jadwal_kerja') }} as roster
    inner join {{ ref('work_shift') }} as shift on roster.shift_code = shift.shift_code
    where
        roster.work_on >= (select bounds.first_on from bounds)
        and roster.work_on <= (select bounds.last_on from bounds)
),

final as (
    select
        placement.employee_key,
        day.work_on,
        day.is_changed,
        placement.opd_code,
        placement.opd_name,
        placement.opd_short_name,
        coalesce(roster.shift_code, 'KANTOR') as shift_code,
        coalesce(roster.shift_name, 'jam kantor') as shift_name,
        case
            when roster.shift_code is not null then roster.starts_at
            when day.is_working_day then day.work_on + day.start_time
        end as starts_at,
        case
            when roster.shift_code is not null then roster.ends_at
            when day.is_working_day then day.work_on + day.end_time
        end as ends_at,
        case when roster.shift_code is null then coalesce(day.flex_minutes, 0) else 0 end as flex_minutes
    from {{ ref('int_attendance__work_day') }} as day
    inner join {{ ref('int_attendance__placement') }} as placement
        on day.work_on between placement.valid_from and placement.valid_to
    left join roster
        on placement.employee_key = roster.employee_key and day.work_on = roster.work_on
)

select * from final
