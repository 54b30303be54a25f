-- The daily rates of every category.
{% import 'rates.sql.j2' as rates with context -%}
{{ rates.daily_rates_of('category', 'category_code') }}
