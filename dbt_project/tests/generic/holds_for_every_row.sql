{# Rows that break a rule between columns; a rule that cannot be decided (null) holds. #}
{% test holds_for_every_row(model, rule) %}
select *
from {{ model }}
where not ({{ rule }})
{% endtest %}
