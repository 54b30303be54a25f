-- Rows whose text holds personal data, and of which kinds. CASE, so that the dear search is made in few rows only;
-- once in the text of the statement, for it is dear to plan as well.
{% set searched = "replace(" ~ words ~ ", " ~ (without | ident) ~ ", '')" if without else words %}
SELECT
  * EXCLUDE (kinds_found),
  array_to_string(kinds_found, ', ') AS kinds
FROM (
  SELECT
    *,
    CASE WHEN may_be_personal({{ words }}) THEN personal_data_in({{ searched }}) END AS kinds_found
  FROM {{ table | ident }}
)
WHERE len(kinds_found) > 0
