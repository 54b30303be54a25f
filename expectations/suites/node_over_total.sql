SELECT node.business_date, node.level, node.code, node.work_type
FROM out_daily_rates AS node
LEFT JOIN out_daily_rates AS total
  ON node.business_date = total.business_date AND node.work_type = total.work_type AND total.level = 'total'
WHERE
  {% for code in measures %}
  node.{{ code | ident }} > coalesce(total.{{ code | ident }}, 0) + 1e-6{{ ' OR' if not loop.last }}
  {% endfor %}
