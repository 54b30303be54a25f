-- All at once: a check writes more than a hundred of them.
INSERT INTO ops_quality_result BY NAME SELECT unnest($results, recursive := true)
