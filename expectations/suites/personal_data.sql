-- Rows whose text holds personal data, and of which kinds. CASE, so that the dear search is made in few rows only.
{% set searched = "replace(" ~ words ~ ", " ~ (without | ident) ~ ", '')" if without else words %}
SELECT
  *,
  array_to_string(personal_data_in({{ searched }}), ', ') AS kinds
FROM {{ table | ident }}
WHERE CASE WHEN may_be_personal({{ words }}) THEN len(personal_data_in({{ searched }})) > 0 ELSE FALSE END
