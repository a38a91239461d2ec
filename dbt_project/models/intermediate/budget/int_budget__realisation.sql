with realisation as (
    select
        opd_name,
        -- Exports write the third level with and without its leading zero.
        {{ account_code('account_code') }} as account_code,
        account_name,
        version as version_code,
        year as year_no,
        make_date(year, month, 1) as month_on,
        budget_idr,
        realised_idr as realised_cumulative_idr,
        physical_pct
    from {{ ref('stg_bpkad__realisasi_apbd') }}
),

account as (
    select * from {{ ref('budget_account') }}
),

final as (
    -- Several spellings of one agency, and all unknown ones, add up.
    select
        coalesce(opd.opd_code, 'unknown') as opd_code,
        coalesce(min(opd.opd_name), 'Tidak dikenal') as opd_name,
        coalesce(min(opd.opd_short_name), 'Tidak dikenal') as opd_short_name,
        realisation.account_code,
        coalesce(min(account.account_name), min(realisation.account_name), 'Tidak diisi') as account_name,
        realisation.version_code,
        case realisation.version_code when 'murni' then 1 when 'pergeseran' then 2 else 3 end as version_no,
        realisation.year_no,
        realisation.month_on,
        sum(realisation.budget_idr) as budget_idr,
        sum(realisation.realised_cumulative_idr) as realised_cumulative_idr,
        sum(realisation.physical_pct * realisation.budget_idr)
        / nullif(sum(realisation.budget_idr) filter (where realisation.physical_pct is not null), 0) as physical_pct
    from realisation
    -- The figures stand at the end of the month, and with them the agency that has them.
    left join {{ ref('int_shared__opd_name') }} as opd
        on
            {{ name_key('realisation.opd_name') }} = opd.name_key
            and (realisation.month_on + interval '1 month - 1 day')::date between opd.valid_from and opd.valid_to
    left join account on realisation.account_code = account.account_code
    group by
        coalesce(opd.opd_code, 'unknown'),
        realisation.account_code,
        realisation.version_code,
        realisation.year_no,
        realisation.month_on
)

select * from final
