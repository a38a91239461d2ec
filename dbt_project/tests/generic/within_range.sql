{# Values below the minimum or above the maximum; an empty value is missing, not wrong. #}
{% test within_range(model, column_name, minimum=none, maximum=none) %}
select {{ column_name }}
from {{ model }}
where
    {{ column_name }} < {{ minimum if minimum is not none else "'-infinity'" }}
    or {{ column_name }} > {{ maximum if maximum is not none else "'infinity'" }}
{% endtest %}
