INSERT INTO raw_dead_letter_action BY NAME
SELECT
  reject_id, payload,
  $action AS action, $mending AS mending, $note AS note,
  now() AS acted_at, $by AS acted_by, $version AS program_version
FROM acted;
