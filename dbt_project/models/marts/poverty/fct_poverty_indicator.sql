{{ config(materialized='replace_slice') }}

with indicator as (
    select * from {{ ref('int_poverty__indicator') }}
),

meaning (indicator_code, indicator_name, unit) as (
    values
    ('p0', 'Persentase penduduk miskin (P0)', 'persen'),
    ('p1', 'Indeks kedalaman kemiskinan (P1)', 'indeks'),
    ('p2', 'Indeks keparahan kemiskinan (P2)', 'indeks'),
    ('poverty_line', 'Garis kemiskinan', 'rupiah per kapita per bulan'),
    ('poor_population_thousand', 'Jumlah penduduk miskin', 'ribu jiwa')
),

final as (
    select
        indicator.region_code,
        indicator.indicator_code,
        indicator.year_no,
        indicator.region_name,
        indicator.region_level,
        meaning.indicator_name,
        indicator.value,
        meaning.unit,
        previous.value as previous_value,
        indicator.value - previous.value as change_value,
        indicator.is_home_region,
        indicator.publication,
        -- Regency figures come from the March round of Susenas.
        make_date(indicator.year_no, 3, 31) as data_date
    from indicator
    inner join meaning on indicator.indicator_code = meaning.indicator_code
    left join indicator as previous
        on
            indicator.region_code = previous.region_code
            and indicator.indicator_code = previous.indicator_code
            and indicator.year_no = previous.year_no + 1
)

select * from final
