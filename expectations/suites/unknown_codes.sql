-- Rows with a code the reference table does not have; a profile without such a table knows every code.
SELECT {{ table | ident }}.*
FROM {{ table | ident }}
ANTI JOIN {{ reference | ident }} USING ({{ same | map('ident') | join(', ') }})
WHERE
  {{ same[-1] | ident }} IS NOT NULL
  AND EXISTS (SELECT 1 FROM {{ reference | ident }})
