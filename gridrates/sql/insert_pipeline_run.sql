INSERT INTO ops_pipeline_run (
  run_id, stage, started_at, ended_at, state, row_count, detail, program_version
)
VALUES ($run_id, $stage, $started_at, $ended_at, $state, $row_count, $detail, $program_version)
