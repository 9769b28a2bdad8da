-- Numbers of children: twelve digits, a Damm check digit, no order.
SELECT contactpoint._child_number_valid(n) FROM (VALUES (0::bigint), (1), (-100000000000), (99999999999), (1000000000000), (NULL)) v(n);
CREATE TEMP TABLE numbers AS SELECT contactpoint._child_number() AS n FROM generate_series(1, 2000);
SELECT bool_and(contactpoint._child_number_valid(n)) AS valid, bool_and(length(n::text) = 12) AS twelve_digits, count(DISTINCT n) AS different FROM numbers;
-- every single wrong digit and every swap of different neighbours is found
SELECT count(*) AS missed FROM (SELECT n FROM numbers LIMIT 200) s, generate_series(1, 12) p, generate_series(0, 9) d
WHERE overlay(n::text PLACING d::text FROM p FOR 1) <> n::text
  AND contactpoint._child_number_valid(overlay(n::text PLACING d::text FROM p FOR 1)::bigint);
SELECT count(*) AS missed FROM (SELECT n FROM numbers LIMIT 200) s, generate_series(1, 11) p
WHERE substr(n::text, p, 1) <> substr(n::text, p + 1, 1)
  AND contactpoint._child_number_valid(overlay(n::text PLACING substr(n::text, p + 1, 1) || substr(n::text, p, 1) FROM p FOR 2)::bigint);
-- not in the order of their making
SELECT count(*) BETWEEN 800 AND 1200 AS no_order FROM (SELECT n > lag(n) OVER (ORDER BY ctid) AS rises FROM numbers) s WHERE rises;
INSERT INTO contactpoint.child (child_id, given_names, family_name, date_of_birth) VALUES (123456789012, 'Wrong', 'Checkdigit', '2010-01-01');
