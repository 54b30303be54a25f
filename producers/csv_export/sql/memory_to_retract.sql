-- Each event that is to be taken back, once.
INSERT INTO to_retract
SELECT DISTINCT event_id, subject_id
FROM fallen
WHERE hash(event_id) % CAST($slices AS UBIGINT) = CAST($slice AS UBIGINT)
