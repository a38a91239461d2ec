{{ config(materialized='table', unlogged=true, post_hook='analyze {{ this }}') }}

-- The branches of the template confuse the rule of indentation.
-- noqa: disable=LT02,AM09
with day as (
    -- A shift may end on the morning after.
    select slice_on as punched_on from {{ ref('int_attendance__changed_day') }}
    union
    select slice_on + 1 as punched_on from {{ ref('int_attendance__changed_day') }}
),

{% if is_full_rebuild() -%}
punch as (
    select
        device_no,
        pin_key,
        punched_at as punched_local_at
    from {{ ref('stg_bkpsdm__absensi_mesin__punch') }}
),
{%- else -%}
marked as (
    select
        punched_on,
        coalesce(punched_on - lag(punched_on) over (order by punched_on) > 3, true) as is_beginning
    from day
),

numbered as (
    select
        punched_on,
        count(*) filter (where is_beginning) over (order by punched_on) as stretch_no
    from marked
),

stretch as (
    select
        min(punched_on) as first_on,
        max(punched_on) as last_on
    from numbered
    group by stretch_no
),

punch as (
    -- Stretch by stretch, so that each is read by the index of the time and never the whole history: the offset
    -- keeps the planner from reading all first.
    select
        read.device_no,
        read.pin_key,
        read.punched_local_at
    from stretch
    cross join lateral (
        select
            landed.device_no,
            landed.pin_key,
            landed.punched_at as punched_local_at
        from {{ ref('stg_bkpsdm__absensi_mesin__punch') }} as landed
        where landed.punched_at >= stretch.first_on and landed.punched_at < stretch.last_on + 1
        offset 0
    ) as read
),
{%- endif %}

final as (
    select
        punch.device_no,
        punch.pin_key,
        punch.punched_local_at,
        punch.punched_local_at::date as punched_on,
        pin.employee_key
    from punch
    inner join day on punch.punched_local_at::date = day.punched_on
    left join {{ ref('int_attendance__pin') }} as pin
        on
            punch.device_no = pin.device_no
            and punch.pin_key = pin.pin_key
            and punch.punched_local_at::date between pin.valid_from and pin.valid_to
)

select * from final
