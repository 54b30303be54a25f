-- The daily rates of every tag.
{% import 'rates.sql.j2' as rates with context -%}
{{ rates.daily_rates_of('tag', 'tag') }}
