{{ config(
    materialized='replace_slice',
    slice='work_on',
    changed='int_attendance__changed_day',
    indexes=[{'columns': ['work_on'], 'type': 'brin'}]
) }}

with day as (
    select * from {{ ref('int_attendance__day') }}
),

rule as (
    select
        rule.class,
        rule.minutes_from,
        rule.minutes_to,
        rule.deduction_pct,
        regulation.title as regulation,
        rule.valid_from,
        coalesce(rule.valid_to, 'infinity'::date) as valid_to
    from {{ ref('attendance_rule') }} as rule
    left join {{ ref('regulation') }} as regulation on rule.regulation_code = regulation.regulation_code
    where rule.rule_set = '{{ var("attendance_rule_set") }}'
),

leave_rule as (
    select
        rule.leave_code,
        rule.deduction_pct,
        regulation.title as regulation,
        rule.valid_from,
        coalesce(rule.valid_to, 'infinity'::date) as valid_to
    from {{ ref('leave_rule') }} as rule
    left join {{ ref('regulation') }} as regulation on rule.regulation_code = regulation.regulation_code
    where rule.rule_set = '{{ var("attendance_rule_set") }}'
),

classified as (
    select
        day.*,
        late_rule.class as late_class,
        {{ minutes_of_class('late_rule.minutes_from', 'late_rule.minutes_to') }} as late_bounds,
        late_rule.deduction_pct as late_pct,
        early_rule.class as early_leave_class,
        {{ minutes_of_class('early_rule.minutes_from', 'early_rule.minutes_to') }} as early_bounds,
        early_rule.deduction_pct as early_pct,
        case
            when day.verdict <> 'judged' then day.verdict
            when late_rule.class <> 'TL0' then 'late'
            else 'present'
        end as status_code,
        case day.verdict
            when 'off_day' then 0
            when 'absent' then absence_rule.deduction_pct
            when 'judged' then late_rule.deduction_pct + early_rule.deduction_pct
            else leave_rule.deduction_pct
        end as deduction_pct,
        case day.verdict
            when 'absent' then absence_rule.regulation
            when 'judged' then late_rule.regulation
            else leave_rule.regulation
        end as regulation
    from day
    -- Without a scan the longest delay counts, which is the class that has no upper end.
    left join rule as late_rule
        on
            day.verdict = 'judged'
            and late_rule.class like 'TL%'
            and day.work_on between late_rule.valid_from and late_rule.valid_to
            and coalesce(day.late_minutes, 100000) >= late_rule.minutes_from
            and (late_rule.minutes_to is null or coalesce(day.late_minutes, 100000) < late_rule.minutes_to)
    left join rule as early_rule
        on
            day.verdict = 'judged'
            and early_rule.class like 'PSW%'
            and day.work_on between early_rule.valid_from and early_rule.valid_to
            and coalesce(day.early_leave_minutes, 100000) >= early_rule.minutes_from
            and (early_rule.minutes_to is null or coalesce(day.early_leave_minutes, 100000) < early_rule.minutes_to)
    left join rule as absence_rule
        on
            day.verdict = 'absent'
            and absence_rule.class = 'TK'
            and day.work_on between absence_rule.valid_from and absence_rule.valid_to
    left join leave_rule
        on
            day.leave_code = leave_rule.leave_code
            and day.work_on between leave_rule.valid_from and leave_rule.valid_to
),

worded as (
    select
        *,
        case when shift_code <> 'KANTOR' then upper(left(shift_name, 1)) || substr(shift_name, 2) || '. ' else '' end
        || case
            when first_in_local_at is null
                then
                    'Tidak ada pindai masuk'
                    || coalesce(': disamakan dengan ' || late_class || ' (' || late_bounds || '), ', ', ')
                    || {{ deduction_words('late_pct') }}
            when late_minutes + flex_used_minutes = 0
                then 'Masuk pukul ' || to_char(first_in_local_at, 'HH24.MI') || ', tepat waktu'
            else
                'Masuk pukul ' || to_char(first_in_local_at, 'HH24.MI') || ', '
                || late_minutes + flex_used_minutes || ' menit sesudah jam masuk '
                || to_char(starts_local_at, 'HH24.MI')
                || case
                    when flex_used_minutes > 0
                        then ' (' || flex_used_minutes || ' menit di antaranya jam lentur, jam pulang ikut bergeser)'
                    else ''
                end
                || case
                    when late_minutes = 0 then ', tepat waktu'
                    else
                        coalesce(': ' || late_class || ' (' || late_bounds || '), ', ', ')
                        || {{ deduction_words('late_pct') }}
                end
        end as in_words,
        case
            when last_out_local_at is null
                then
                    'Tidak ada pindai pulang'
                    || coalesce(': disamakan dengan ' || early_leave_class || ' (' || early_bounds || '), ', ', ')
                    || {{ deduction_words('early_pct') }}
            when early_leave_minutes = 0
                then 'Pulang pukul ' || to_char(last_out_local_at, 'HH24.MI') || ', tidak lebih awal'
            else
                'Pulang pukul ' || to_char(last_out_local_at, 'HH24.MI') || ', ' || early_leave_minutes
                || ' menit sebelum jam pulang '
                || to_char(ends_local_at + flex_used_minutes * interval '1 minute', 'HH24.MI')
                || coalesce(': ' || early_leave_class || ' (' || early_bounds || '), ', ', ')
                || {{ deduction_words('early_pct') }}
        end as out_words
    from classified
),

explained as (
    select
        *,
        case verdict
            when 'judged'
                then
                    in_words || '. ' || out_words || '. '
                    || case
                        when deduction_pct > 0
                            then
                                'Jumlah potongan ' || {{ decimal_comma('deduction_pct') }} || ' % menurut '
                                || regulation || '.'
                        when deduction_pct = 0 then 'Tanpa potongan.'
                        else 'Aturan potongan untuk hari itu belum ada.'
                    end
            when 'absent'
                then
                    'Wajib kerja (' || shift_name || ' ' || to_char(starts_local_at, 'HH24.MI') || '–'
                    || to_char(ends_local_at, 'HH24.MI') || ') dan mesin absensinya melapor, tetapi tidak ada '
                    || 'pemindaian'
                    || case
                        when punch_count > 0 then ' di sekitar jam itu (' || punch_count || ' jauh di luarnya)' else ''
                    end
                    || ': tanpa keterangan (TK), ' || {{ deduction_words('deduction_pct') }}
                    || coalesce(' menurut ' || regulation, '') || '.'
            when 'off_day'
                then
                    punch_count
                    || case
                        when starts_local_at is null
                            then ' pemindaian di luar hari wajib kerja (libur atau tanpa giliran)'
                        else ' pemindaian jauh di luar jam kerja dan mesin absensinya tidak melapor'
                    end
                    || ': tidak dinilai.'
            else
                upper(left(leave_name, 1)) || substr(leave_name, 2) || ' dari ' || to_char(leave_start_on, 'DD-MM-YYYY')
                || ' sampai ' || to_char(leave_end_on, 'DD-MM-YYYY')
                || case verdict when 'field_duty' then ': dihitung hadir, ' else ': tidak wajib hadir, ' end
                || {{ deduction_words('deduction_pct') }} || coalesce(' menurut ' || regulation, '') || '.'
                || case
                    when punch_count > 0 then ' ' || punch_count || ' pemindaian pada hari itu tidak dinilai.' else ''
                end
        end as explanation
    from worded
),

final as (
    select
        employee_key,
        work_on,
        opd_code,
        opd_name,
        opd_short_name,
        shift_code,
        starts_local_at at time zone '{{ region_time_zone() }}' as starts_at,
        ends_local_at at time zone '{{ region_time_zone() }}' as ends_at,
        first_in_local_at at time zone '{{ region_time_zone() }}' as first_in_at,
        last_out_local_at at time zone '{{ region_time_zone() }}' as last_out_at,
        punch_count,
        flex_used_minutes,
        late_minutes,
        early_leave_minutes,
        late_class,
        early_leave_class,
        leave_code,
        status_code,
        case status_code
            when 'present' then 'Hadir tepat waktu'
            when 'late' then 'Hadir terlambat'
            when 'absent' then 'Tanpa keterangan'
            when 'leave' then 'Cuti atau izin'
            when 'field_duty' then 'Dinas luar'
            else 'Hadir di luar hari wajib kerja'
        end as status_label,
        deduction_pct::numeric(5, 2) as deduction_pct,
        '{{ var("attendance_rule_set") }}' as rule_set,
        regulation,
        explanation,
        work_on as data_date
    from explained
)

select * from final
