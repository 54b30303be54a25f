-- The daily rates of every responsible unit.
{% import 'rates.sql.j2' as rates with context -%}
{{ rates.daily_rates_of('unit', 'unit_code') }}
