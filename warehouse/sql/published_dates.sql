SELECT
  unnest(
    $dates::STRUCT(
      business_date DATE, is_stale BOOLEAN, generation BIGINT, held_back_reason VARCHAR
    )[],
    recursive := true
  )
