{#
    Account code with the width that Permendagri 90/2019 gives each level (1.1.2.2.2.4 digits): exports write the
    third level with and without its leading zero.
#}
{% macro account_code(expression) -%}
    concat_ws(
        '.',
        nullif(split_part(trim({{ expression }}), '.', 1), ''),
        nullif(split_part(trim({{ expression }}), '.', 2), '')
        {%- for width in (2, 2, 2, 4) %},
        nullif(
            lpad(
                split_part(trim({{ expression }}), '.', {{ loop.index + 2 }}),
                case
                    when split_part(trim({{ expression }}), '.', {{ loop.index + 2 }}) = '' then 0
                    else greatest({{ width }}, length(split_part(trim({{ expression }}), '.', {{ loop.index + 2 }})))
                end,
                '0'
            ),
            ''
        )
        {%- endfor %}
    )
{%- endmacro %}
