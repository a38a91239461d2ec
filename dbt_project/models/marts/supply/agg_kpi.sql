{{ config(materialized='replace_slice') }}

with kpi (kpi_code, kpi_name, domain, sort_no, source_id, period_length, decimal_count) as (
    values
    (
        'complaint_completion_on_time_pct', 'Aduan selesai tepat waktu', 'complaints', 1,
        'diskominfo__aduan', interval '1 month', 1
    ),
    (
        'complaint_first_response_on_time_pct', 'Aduan ditanggapi tepat waktu', 'complaints', 2,
        'diskominfo__aduan', interval '1 month', 1
    ),
    ('attendance_pct', 'Kehadiran pegawai', 'attendance', 3, 'bkpsdm__absensi_mesin', interval '1 month', 1),
    ('absorption_pct', 'Serapan anggaran belanja', 'budget', 4, 'bpkad__realisasi_apbd', interval '1 month', 1),
    ('poverty_p0', 'Penduduk miskin (P0)', 'poverty', 5, 'bps__kemiskinan', interval '1 year', 2),
    ('delivery_punctuality', 'Sumber data tepat waktu', 'supply', 6, null, interval '1 month', 1)
),

-- Without the log a complaint is not judged: an indicator reaches as far as all that it needs. Leave and rosters
-- say nothing of days without punches.
needed (domain, source_id) as (
    select
        domain,
        source_id
    from kpi
    union
    select
        'complaints',
        'diskominfo__aduan_riwayat'
),

period as (
    select * from {{ ref('agg_kpi_period') }}
    where value is not null
),

target as (
    select * from {{ ref('stg_reference__target') }}
),

source_delivery as (
    select * from {{ ref('agg_source_delivery') }}
),

-- A source that never came holds nobody back.
covered as (
    select
        needed.domain,
        min(source_delivery.data_date) as data_date,
        min(source_delivery.due_on) as due_on,
        bool_or(source_delivery.is_sample) as is_sample
    from needed
    inner join source_delivery on needed.source_id = source_delivery.source_id
    group by needed.domain
),

opd as (
    select * from {{ ref('dim_opd') }}
),

run as (
    select * from {{ ref('stg_ops__run_domain') }}
    -- Whatever became of its last build, the one that shows this has passed.
    where domain <> 'supply'
),

-- Deliveries as a whole are this system's own source.
ledger as (
    select
        max(last_received_at at time zone '{{ region_time_zone() }}')::date as data_date,
        coalesce(bool_or(is_sample), false) as is_sample
    from source_delivery
),

newest as (
    select
        kpi_code,
        max(period_on) as period_on
    from period
    group by kpi_code
),

valued as (
    select
        kpi.*,
        current_period.period_on,
        current_period.value,
        current_period.period_lower_target,
        coalesce(current_period.period_target, target.target) as target,
        coalesce(target.is_higher_better, kpi.kpi_code <> 'poverty_p0') as is_higher_better,
        previous_period.value as previous_value,
        current_period.value - previous_period.value as change_value,
        current_period.value - last_year.value as change_year_value
    from kpi
    left join newest on kpi.kpi_code = newest.kpi_code
    left join period as current_period
        on newest.kpi_code = current_period.kpi_code and newest.period_on = current_period.period_on
    left join period as previous_period
        on
            current_period.kpi_code = previous_period.kpi_code
            and previous_period.period_on = current_period.period_on - kpi.period_length
    left join period as last_year
        on
            current_period.kpi_code = last_year.kpi_code
            and last_year.period_on = current_period.period_on - interval '1 year'
    left join target on kpi.kpi_code = target.kpi_code
),

scored as (
    select
        *,
        greatest(
            0,
            least(
                {{ var('score_cap') }},
                case when is_higher_better then value / nullif(target, 0) else target / nullif(value, 0) end
            )
        ) as capped_score,
        case when is_higher_better then value / nullif(target, 0) else target / nullif(value, 0) end as raw_score
    from valued
),

judged as (
    select
        *,
        -- greatest and least skip nulls: a score that cannot be computed stays missing.
        case when raw_score is not null then round(capped_score, 3) end as score,
        case
            when period_lower_target is not null then {{ band_status('value', 'period_lower_target', 'target') }}
            else {{ status_code('raw_score') }}
        end as status_code
    from scored
),

final as (
    select
        judged.kpi_code,
        judged.kpi_name,
        judged.domain,
        judged.sort_no,
        judged.period_on,
        judged.value,
        coalesce(
            translate(
                to_char(
                    round(judged.value, judged.decimal_count),
                    case judged.decimal_count when 2 then 'FM999,990.00' else 'FM999,990.0' end
                ),
                ',.',
                '.,'
            ) || ' %',
            'Belum ada data'
        ) as value_text,
        '%' as unit,
        judged.target,
        judged.is_higher_better,
        judged.score,
        judged.previous_value,
        judged.change_value,
        judged.change_year_value,
        judged.status_code,
        {{ status_label('judged.status_code', 'judged.is_higher_better') }} as status_label,
        coalesce(opd.opd_short_name, upper(source_delivery.opd_code), 'Diskominfo') as source_opd,
        coalesce(source_delivery.title, 'Catatan penerimaan berkas') as source_label,
        coalesce(covered.data_date, case when judged.source_id is null then ledger.data_date end) as data_date,
        covered.due_on,
        coalesce(run.status = 'failed', false) as is_build_failed,
        coalesce(covered.is_sample, ledger.is_sample) as is_sample
    from judged
    cross join ledger
    left join source_delivery on judged.source_id = source_delivery.source_id
    left join covered on judged.domain = covered.domain
    left join opd on source_delivery.opd_code = opd.opd_code
    left join run on judged.domain = run.domain
)

select * from final
