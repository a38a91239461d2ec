with source as (
    select
        landed.year,
        landed.month,
        landed.opd_name,
        landed.account_code,
        landed.account_name,
        landed.version,
        landed.budget_idr,
        landed.realised_idr,
        landed.physical_pct
    from {{ source('raw', 'bpkad__realisasi_apbd') }} as landed
    where {{ is_current_row('bpkad__realisasi_apbd') }}
),

final as (
    select
        year::integer as year_no,
        make_date(year::integer, month::integer, 1) as month_on,
        nullif(trim(opd_name), '') as opd_name,
        {{ account_code('account_code') }} as account_code,
        account_code as account_code_as_written,
        nullif(trim(account_name), '') as account_name,
        lower(trim(version)) as version_code,
        budget_idr,
        realised_idr as realised_cumulative_idr,
        physical_pct
    from source
)

select * from final
