-- Ten thousand children, those born in 250 days.
\if not :said
SET contactpoint.reason = 'list of school starters';
\set said true
\endif
\set day random(0, :children / 40 - 250)
SELECT child_id, given_names, family_name, date_of_birth FROM contactpoint.child
WHERE date_of_birth >= date '2008-01-01' + :day::int AND date_of_birth < date '2008-01-01' + (:day::int + 250);
