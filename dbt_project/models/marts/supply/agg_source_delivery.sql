{{ config(materialized='replace_slice') }}

with source as (
    select * from {{ ref('stg_ops__source') }}
),

as_of as (
    select * from {{ ref('int_shared__source_as_of') }}
),

calendar as (
    select * from {{ ref('int_shared__calendar') }}
),

opd as (
    select * from {{ ref('dim_opd') }}
),

run as (
    select * from {{ ref('stg_ops__run_domain') }}
),

-- What has come but could not be built is on no screen: the date of the numbers is that of the published marts.
published as (
    select * from {{ ref('stg_ops__published_source') }}
),

delivery as (
    select
        source_id,
        count(*) as file_count,
        count(*) filter (where status = 'refused') as refused_count,
        max(received_at) as last_received_at
    from {{ ref('stg_ops__delivery') }}
    group by source_id
),

load as (
    select
        source_id,
        max(finished_at) filter (where status = 'loaded') as last_loaded_at,
        sum(rows_rejected) filter (where status = 'loaded') as rejected_row_count
    from {{ ref('stg_ops__load') }}
    group by source_id
),

covered as (
    select
        source.*,
        as_of.data_date,
        as_of.is_sample,
        case source.frequency
            when 'daily' then as_of.data_date
            when 'quarterly' then (date_trunc('quarter', as_of.data_date) + interval '3 months - 1 day')::date
            else (date_trunc('month', as_of.data_date) + interval '1 month - 1 day')::date
        end as period_end_on,
        case source.frequency
            when 'daily' then as_of.data_date + 1
            when 'monthly' then (date_trunc('month', as_of.data_date) + interval '2 months - 1 day')::date
            when 'quarterly' then (date_trunc('quarter', as_of.data_date) + interval '6 months - 1 day')::date
            when 'yearly' then (date_trunc('month', as_of.data_date) + interval '13 months - 1 day')::date
        end as next_period_end_on
    from source
    left join as_of on source.source_id = as_of.source_id
),

-- A period counts as delivered when at most three working days of it are missing: the last days of a month
-- may hold no event, but a file of its first half does not settle it.
expected as (
    select
        covered.*,
        case
            when period_end.working_day_no - data_day.working_day_no > 3 then covered.period_end_on
            else covered.next_period_end_on
        end as expected_end_on
    from covered
    left join calendar as data_day on covered.data_date = data_day.date_on
    left join calendar as period_end on covered.period_end_on = period_end.date_on
),

final as (
    select
        expected.source_id,
        expected.title,
        expected.domain,
        case expected.domain
            when 'complaints' then 'Aduan'
            when 'attendance' then 'Absensi'
            when 'poverty' then 'Kemiskinan'
            when 'budget' then 'Anggaran'
            else expected.domain
        end as domain_label,
        expected.opd_code,
        coalesce(opd.opd_name, upper(expected.opd_code)) as opd_name,
        case expected.frequency
            when 'daily' then 'Harian'
            when 'monthly' then 'Bulanan'
            when 'quarterly' then 'Triwulanan'
            when 'yearly' then 'Tahunan'
            else expected.frequency
        end as frequency_label,
        delivery.last_received_at,
        load.last_loaded_at,
        published.data_date,
        due_day.date_on as due_on,
        coalesce(delivery.file_count, 0) as file_count,
        coalesce(delivery.refused_count, 0) as refused_count,
        coalesce(load.rejected_row_count, 0)::bigint as rejected_row_count,
        coalesce(run.status = 'failed', false) as is_build_failed,
        coalesce(expected.is_sample, false) as is_sample
    from expected
    left join delivery on expected.source_id = delivery.source_id
    left join load on expected.source_id = load.source_id
    left join opd on expected.opd_code = opd.opd_code
    left join run on expected.domain = run.domain
    left join published on expected.domain = published.domain and expected.source_id = published.source_id
    left join calendar as period_end on expected.expected_end_on = period_end.date_on
    left join calendar as due_day
        on
            period_end.working_day_no + expected.due_working_days = due_day.working_day_no
            and due_day.is_working_day
)

select * from final
