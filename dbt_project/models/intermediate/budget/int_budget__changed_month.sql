{{ config(materialized='table') }}

-- Slice keys begin with the year; a month changes what the months after it in its year are compared with.
with changed as (
    select slice_key from {{ changed_slices('bpkad__realisasi_apbd') }}
    union
    select slice_key from {{ changed_slices('djpb__apbd') }}
),

final as (
    select distinct make_date(split_part(changed.slice_key, '/', 1)::integer, month_no, 1) as slice_on
    from changed
    cross join generate_series(1, 12) as month_no
)

select * from final
