-- Generated from the contract by `python -m warehouse.parse_sql`: change that module instead.
CREATE TYPE type_of_cases AS ENUM ('gridrates.case.reported.v1', 'gridrates.case.accepted.v1', 'gridrates.case.verified.v1', 'gridrates.case.declined.v1', 'gridrates.case.filed.v1', 'gridrates.case.dispatched.v1', 'gridrates.case.signed.v1', 'gridrates.case.returned.v1', 'gridrates.case.handled.v1', 'gridrates.case.checked.v1', 'gridrates.case.closed.v1', 'gridrates.case.visited.v1', 'gridrates.case.voided.v1', 'gridrates.case.extended.v1', 'gridrates.case.suspended.v1', 'gridrates.case.resumed.v1', 'gridrates.case.supervised.v1', 'gridrates.case.exempted.v1', 'gridrates.case.self_disposed.v1');
CREATE TYPE type_of_others AS ENUM ('gridrates.activity.recorded.v1', 'gridrates.project.stage_changed.v1', 'gridrates.event.retracted.v1');
CREATE TEMP MACRO are_codes(joined, s, count, longest) AS
  NOT regexp_matches(joined, '[\x00-\x1f\x7f{}\[\]\x{80}-\x{9f}]|(?:^|")[ \x{a0}\x{1680}\x{2000}-\x{200b}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}"]|[ \x{a0}\x{1680}\x{2000}-\x{200b}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}"]$|[ \x{a0}\x{1680}\x{2000}-\x{200b}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}]"|(?i:(?:^|")[+-]?(?:[0-9]+(?:\.[0-9]+(?:e[+-]?[0-9]+)?|e[+-]?[0-9]+)|true|false|nan|inf|infinity)(?:"|$))')
  AND CASE WHEN strlen(joined) > 200 THEN longest <= 200 ELSE true END
  AND CASE WHEN contains(s, '\') THEN length(joined) - length(replace(joined, '"', '')) + 1 = count ELSE true END;
CREATE TEMP MACRO is_text(v) AS
  strlen(v) <= 20000
  AND NOT regexp_matches(v, '^(?:[\[{]|[+-]?(?:[0-9]+(?:\.[0-9]+(?:e[+-]?[0-9]+)?|e[+-]?[0-9]+)|[0-9]+|true|false|nan|inf|infinity)$)', 'i');
CREATE TEMP MACRO is_hash(v) AS
  regexp_full_match(v, '(?:[a-z][0-9a-z_-]{0,31}:)?[0-9a-f]{16,128}')
  AND regexp_matches(v, '[a-f]');
CREATE TEMP MACRO is_moment(v) AS
  regexp_full_match(v, '[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])')
  AND try_cast(v AS TIMESTAMPTZ) >= TIMESTAMPTZ '1970-01-01T00:00:00+00:00'
  AND try_cast(v AS TIMESTAMPTZ) < TIMESTAMPTZ '2200-01-01T00:00:00+00:00';
CREATE TEMP MACRO is_flag(v) AS
  v IN ('true', 'false');
CREATE TEMP MACRO is_integer(v, least, most) AS
  regexp_full_match(v, '-?[0-9]{1,15}')
  AND try_cast(v AS BIGINT) BETWEEN least AND most;
CREATE TEMP MACRO is_number(v, least, most) AS
  regexp_full_match(v, '-?[0-9]{1,15}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?')
  AND try_cast(v AS DOUBLE) BETWEEN least AND most;
CREATE TEMP MACRO is_list(v, s) AS
  strlen(v) <= 4000
  AND regexp_full_match(v, '\["[\w./:\x{4e00}-\x{9fff}-]+"(?:,"[\w./:\x{4e00}-\x{9fff}-]+")*\]')
  AND CASE WHEN strlen(v) > 200 THEN NOT regexp_matches(v, '[^"]{201}') ELSE true END
  AND NOT contains(s, '\');
