-- The daily rates of every channel.
{% import 'rates.sql.j2' as rates with context -%}
{{ rates.daily_rates_of('channel', 'channel') }}
