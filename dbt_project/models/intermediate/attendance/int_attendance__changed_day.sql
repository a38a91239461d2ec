{{ config(materialized='table') }}

-- The branches of the template confuse the rule of indentation.
-- noqa: disable=LT02,AM09
-- depends_on: {{ ref('int_shared__source_as_of') }} {{ ref('int_shared__calendar') }}
-- depends_on: {{ ref('stg_bkpsdm__ketidakhadiran__landed') }} {{ ref('int_attendance__employee') }}

{% if is_full_rebuild() -%}
with punched as (
    select distinct punched_at::date as punched_on from {{ ref('stg_bkpsdm__absensi_mesin__landed') }}
),

final as (
    select punched_on as slice_on from punched
    union
    select punched_on - 1 as slice_on from punched
)
{%- else -%}
with as_of as (
    select data_date from {{ ref('int_shared__source_as_of') }}
    where source_id = 'bkpsdm__absensi_mesin'
),

calendar as (
    -- Later days have no punches yet; when some come, they name the day themselves.
    select date_on from {{ ref('int_shared__calendar') }}
    where date_on <= (select as_of.data_date from as_of)
),

standing as (
    select load_id from {{ standing_loads('bkpsdm__absensi_mesin') }}
),

landed as (
    -- Load by load, so that each is found by the index of its number: the inner distinct keeps them apart.
    select
        changed.load_id,
        landed.device_no,
        landed.pin_key,
        landed.punched_at
    from {{ changed_loads('bkpsdm__absensi_mesin') }} as changed
    cross join lateral (
        select distinct
            of_load.device_no,
            of_load.pin_key,
            of_load.punched_at
        from {{ ref('stg_bkpsdm__absensi_mesin__landed') }} as of_load
        where of_load.load_id = changed.load_id
    ) as landed
),

-- A terminal hands over its whole memory each time: the newest load with the same first punch holds nearly all.
first_punch as (
    select distinct on (load_id)
        load_id,
        device_no,
        pin_key,
        punched_at
    from landed
    order by load_id, punched_at, pin_key
),

former as (
    select max(same.load_id) as load_id
    from first_punch
    cross join lateral (
        select of_time.load_id
        from {{ ref('stg_bkpsdm__absensi_mesin__landed') }} as of_time
        where
            of_time.punched_at = first_punch.punched_at
            and of_time.device_no = first_punch.device_no
            and of_time.pin_key = first_punch.pin_key
        offset 0
    ) as same
    inner join standing on same.load_id = standing.load_id
    group by first_punch.load_id
),

differing as (
    select
        device_no,
        pin_key,
        punched_at
    from landed
    except
    select
        held.device_no,
        held.pin_key,
        held.punched_at
    from (select distinct load_id from former) as former
    cross join lateral (
        select distinct
            of_load.device_no,
            of_load.pin_key,
            of_load.punched_at
        from {{ ref('stg_bkpsdm__absensi_mesin__landed') }} as of_load
        where of_load.load_id = former.load_id
    ) as held
),

-- What is left is looked for in all other loads, stretch by stretch by the index of the time.
stretch as (
    select unnest(range_agg(daterange(punched_at::date, punched_at::date + 4))) as days from differing
),

changed_punch as (
    select
        device_no,
        pin_key,
        punched_at
    from differing
    except
    select
        held.device_no,
        held.pin_key,
        held.punched_at
    from stretch
    cross join lateral (
        select
            of_time.load_id,
            of_time.device_no,
            of_time.pin_key,
            of_time.punched_at
        from {{ ref('stg_bkpsdm__absensi_mesin__landed') }} as of_time
        where of_time.punched_at >= lower(stretch.days) and of_time.punched_at < upper(stretch.days)
        offset 0
    ) as held
    inner join standing on held.load_id = standing.load_id
),

punched as (
    select distinct punched_at::date as punched_on from changed_punch
),

roster as (
    select
        to_date(changed.slice_key, 'YYYY-MM') as first_on,
        (to_date(changed.slice_key, 'YYYY-MM') + interval '1 month - 1 day')::date as last_on
    from {{ changed_slices('bkpsdm__jadwal_kerja') }} as changed
),

leave as (
    select
        landed.start_on as first_on,
        least(landed.end_on, landed.start_on + {{ longest_leave_days() }}) as last_on
    from {{ changed_slices('bkpsdm__ketidakhadiran') }} as changed
    inner join {{ ref('stg_bkpsdm__ketidakhadiran__landed') }} as landed on changed.slice_key = landed.slice_key
),

employee as (
    select
        employee_key,
        device_no,
        pin_key,
        opd_code,
        valid_from,
        valid_to
    from {{ ref('int_attendance__employee') }}
),

published as (
    select
        employee_key,
        device_no,
        pin_key,
        opd_code,
        valid_from,
        coalesce(valid_to, 'infinity'::date) as valid_to
    from {{ published('dim_employee_pin') }}
),

assignment as (
    select
        case
            when employee.valid_from = published.valid_from then least(employee.valid_to, published.valid_to) + 1
            else coalesce(employee.valid_from, published.valid_from)
        end as first_on,
        greatest(employee.valid_to, published.valid_to) as last_on
    from employee
    full join published
        on
            employee.employee_key = published.employee_key
            and employee.device_no = published.device_no
            and employee.pin_key = published.pin_key
            and employee.opd_code = published.opd_code
            and employee.valid_from = published.valid_from
    where employee.valid_to is distinct from published.valid_to
),

-- What changes the shift of a day may move a punch to the day before, or one of the next morning to this day.
around as (
    select
        first_on - 1 as first_on,
        last_on + 1 as last_on
    from roster
    union
    select
        first_on - 1 as first_on,
        last_on + 1 as last_on
    from assignment
    union
    select
        first_on,
        last_on
    from leave
),

final as (
    select punched_on as slice_on from punched
    union
    select punched_on - 1 as slice_on from punched
    union
    select calendar.date_on as slice_on
    from calendar
    inner join around on calendar.date_on between around.first_on and around.last_on
)
{%- endif %}

select slice_on from final
