-- Reference data as the models read it; replaced whole whenever the profile changes.

CREATE OR REPLACE TABLE core_grid (
  tree VARCHAR, grid_code VARCHAR, parent_code VARCHAR, level VARCHAR, name_zh VARCHAR, name_en VARCHAR,
  valid_from DATE, valid_to DATE
);

CREATE OR REPLACE TABLE core_grid_path (path_id VARCHAR, grid_code VARCHAR, valid_from DATE, valid_to DATE);

CREATE OR REPLACE TABLE core_grid_path_node (path_id VARCHAR, tree VARCHAR, level VARCHAR, code VARCHAR);

CREATE OR REPLACE TABLE core_unit (
  unit_code VARCHAR, parent_code VARCHAR, name_zh VARCHAR, name_en VARCHAR, valid_from DATE, valid_to DATE
);

CREATE OR REPLACE TABLE core_category (
  category_system VARCHAR, category_code VARCHAR, parent_code VARCHAR, name_zh VARCHAR, name_en VARCHAR
);

CREATE OR REPLACE TABLE core_limit (
  scope VARCHAR, work_type VARCHAR, category_system VARCHAR, category_code VARCHAR, condition_no BIGINT,
  amount DOUBLE, unit VARCHAR
);

CREATE OR REPLACE TABLE core_work_type (
  work_type VARCHAR, zh VARCHAR, en VARCHAR, is_public BOOLEAN, is_in_total BOOLEAN
);

CREATE OR REPLACE TABLE core_channel (
  channel VARCHAR, zh VARCHAR, en VARCHAR, is_public BOOLEAN, is_in_total BOOLEAN
);

CREATE OR REPLACE TABLE core_convention (
  position BIGINT, switch VARCHAR, choice VARCHAR, is_default BOOLEAN, zh VARCHAR, en VARCHAR
);

CREATE OR REPLACE TABLE core_composite (
  composite VARCHAR, name_zh VARCHAR, name_en VARCHAR, source VARCHAR
);

CREATE OR REPLACE TABLE core_response_band (
  work_type VARCHAR, position BIGINT, name_zh VARCHAR, name_en VARCHAR, since_verb VARCHAR, until_verb VARCHAR,
  limit_seconds DOUBLE
);

CREATE OR REPLACE TABLE core_calendar (calendar_date DATE, is_working_day BOOLEAN, holiday VARCHAR);

CREATE OR REPLACE TABLE core_working_clock (
  calendar_date DATE, from_at TIMESTAMPTZ, to_at TIMESTAMPTZ, is_working BOOLEAN, micros_before BIGINT,
  hour_no BIGINT, day_micros BIGINT
);
