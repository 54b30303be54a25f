-- The daily rates of every operator, of the steps one person does.
{% import 'rates.sql.j2' as rates with context -%}
{{ rates.daily_rates_of('operator', 'operator_id') }}
