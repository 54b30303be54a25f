-- Words the rules on personal data are written in. It is looked for in plain text and in JSON, where a line
-- break is written \n and a Chinese character may be written \u6d59: both may stand right before a number.

-- One pass over the text that lets by what cannot be personal data: nearly everything.
CREATE OR REPLACE TEMP MACRO may_be_personal(words) AS
  regexp_matches(
    words,
    '(?:^|[^0-9.])(?:86[- ]?)?1[3-9][0-9][- ]?[0-9]{4}[- ]?[0-9]{4}(?:[^0-9]|$)|[0-9]{17}[0-9Xx]|@|(?:[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]|\\u[0-9A-Fa-f]{4})[A-HJ-NP-Z][·• ]?[0-9A-HJ-NP-Z]{4}'
  );

CREATE OR REPLACE TEMP MACRO has_mobile_number(words) AS
  regexp_matches(
    words,
    '(?:^|[^0-9A-Za-z_.]|\\[nrtbf]|\\u[0-9A-Fa-f]{4})(?:\+?86[- ]?)?1[3-9][0-9][- ]?[0-9]{4}[- ]?[0-9]{4}\b'
  );

-- Eighteen digits whose last checks the others; X stands for ten.
CREATE OR REPLACE TEMP MACRO is_resident_id(word) AS
  list_sum(
    list_transform(
      [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2],
      (weight, place) -> weight * CAST(substr(word, place, 1) AS INTEGER)
    )
  ) % 11 = strpos('10X98765432', upper(substr(word, 18, 1))) - 1;

CREATE OR REPLACE TEMP MACRO has_resident_id(words) AS
  len(
    list_filter(
      regexp_extract_all(
        words,
        '(?:^|[^0-9A-Za-z_.]|\\[nrtbf]|\\u[0-9A-Fa-f]{4})([1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx])\b',
        1
      ),
      word -> is_resident_id(word)
    )
  ) > 0;

CREATE OR REPLACE TEMP MACRO has_email(words) AS
  regexp_matches(words, '[0-9A-Za-z_%+.-]@[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*\.[A-Za-z]{2,}');

CREATE OR REPLACE TEMP MACRO has_plate(words) AS
  regexp_matches(
    words,
    '(?:[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]|\\u(?i:4eac|6d25|6caa|6e1d|5180|8c6b|4e91|8fbd|9ed1|6e58|7696|9c81|65b0|82cf|6d59|8d63|9102|6842|7518|664b|8499|9655|5409|95fd|8d35|7ca4|9752|85cf|5ddd|5b81|743c))[A-HJ-NP-Z][·• ]?(?:[0-9A-HJ-NP-Z]{5,6}\b|[0-9A-HJ-NP-Z]{4}[挂学警港澳])'
  );

-- The kinds of personal data in a text.
CREATE OR REPLACE TEMP MACRO personal_data_in(words) AS
  list_filter(
    [
      CASE WHEN has_mobile_number(words) THEN 'mobile number' END,
      CASE WHEN has_resident_id(words) THEN 'resident identity number' END,
      CASE WHEN has_email(words) THEN 'e-mail address' END,
      CASE WHEN has_plate(words) THEN 'plate number' END
    ],
    kind -> kind IS NOT NULL
  );
