{{ config(materialized='replace_slice') }}

with calendar as (
    select * from {{ ref('int_shared__calendar') }}
),

final as (
    select
        date_on,
        extract(year from date_on)::integer as year_no,
        extract(quarter from date_on)::integer as quarter_no,
        extract(month from date_on)::integer as month_no,
        date_trunc('month', date_on)::date as month_on,
        (array[
            'Januari', 'Februari', 'Maret', 'April', 'Mei', 'Juni',
            'Juli', 'Agustus', 'September', 'Oktober', 'November', 'Desember'
        ])[extract(month from date_on)] as month_name,
        weekday_no,
        (array['Senin', 'Selasa', 'Rabu', 'Kamis', 'Jumat', 'Sabtu', 'Minggu'])[weekday_no] as weekday_name,
        is_weekend,
        is_holiday,
        holiday_name,
        is_ramadan,
        is_working_day,
        working_day_no
    from calendar
)

select * from final
