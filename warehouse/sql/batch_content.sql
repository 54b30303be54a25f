SELECT *, json(payload) AS minified
FROM events;
