-- Words the rules on personal data are written in, from the one declaration in contracts/personal_data.py. It is
-- looked for in plain text and in JSON, where a line break is written \n and a Chinese character may be written
-- \u6d59: both may stand right before a number.

-- One pass over the text that lets by what cannot be personal data: nearly everything.
CREATE OR REPLACE TEMP MACRO may_be_personal(words) AS
  regexp_matches(words, {{ screen | literal }});

-- Eighteen digits whose last checks the others; X stands for ten.
CREATE OR REPLACE TEMP MACRO is_resident_id(word) AS
  list_sum(
    list_transform(
      [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2],
      (weight, place) -> weight * CAST(substr(word, place, 1) AS INTEGER)
    )
  ) % 11 = strpos('10X98765432', upper(substr(word, 18, 1))) - 1;

-- Digits whose last checks the others, with or without blanks between them; no date where a case number has one.
CREATE OR REPLACE TEMP MACRO is_bank_card(word) AS
  NOT regexp_matches(regexp_replace(word, '[- ]', '', 'g'), {{ dated_number | literal }})
  AND list_sum(
    list_transform(
      string_split(reverse(regexp_replace(word, '[- ]', '', 'g')), ''),
      (digit, place) -> CASE
        WHEN place % 2 = 0 THEN CAST(digit AS INTEGER) * 2 // 10 + CAST(digit AS INTEGER) * 2 % 10
        ELSE CAST(digit AS INTEGER)
      END
    )
  ) % 10 = 0;

-- The kinds of personal data in a text.
CREATE OR REPLACE TEMP MACRO personal_data_in_plain(words) AS
  list_distinct(list_filter(
    [
      {% for kind in kinds %}
      CASE
        WHEN
        {% if kind.check %}
          len(list_filter(regexp_extract_all(words, {{ kind.pattern | literal }}, 1), word -> is_{{ kind.check }}(word))) > 0
        {% else %}
          regexp_matches(words, {{ kind.pattern | literal }})
        {% endif %}
          THEN {{ kind.en | literal }}
      END{{ "," if not loop.last }}
      {% endfor %}
    ],
    kind -> kind IS NOT NULL
  ));

-- The same with full-width signs read as plain ones.
CREATE OR REPLACE TEMP MACRO personal_data_in(words) AS
  personal_data_in_plain(translate(words, {{ full_width | literal }}, {{ half_width | literal }}));
