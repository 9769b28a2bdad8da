-- The table of weights: whole, in order, within what a household allows.
BEGIN;
CREATE EXTENSION pgtap;
SELECT plan(9);

CREATE TEMP VIEW w AS SELECT * FROM contactpoint.weight WHERE version = (SELECT max(version) FROM contactpoint.weight);
CREATE TEMP TABLE orders (field text, levels text[]);
INSERT INTO orders VALUES
    ('given', '{equal,edit,close,rival,differ}'), ('given', '{close,weak,differ}'), ('family', '{close,weak,differ}'), ('given', '{equal,variant,differ}'), ('given', '{equal,part,differ}'),
    ('family', '{equal,edit,close,rival,differ}'), ('family', '{equal,part,differ}'),
    ('more', '{equal,differ}'), ('sex', '{equal,differ}'),
    ('birth', '{equal,swapped,digit,"close parts",parts,digits,year,differ}'), ('birth', '{digit,neighbour,close,differ}'), ('birth', '{equal,"equal default","month only","year only","part differs"}'),
    ('postcode', '{equal,"equal wide",near,area,differ}'),
    ('address', '{equal,near,part,differ}'), ('address', '{"town equal","town near","town differ"}'),
    ('address beside postcode', '{equal,near,part,"next door"}'),
    ('number', '{equal,near,differ}'), ('contact', '{equal,near,differ}');

SELECT is_empty($$SELECT o.field, a.level, b.level FROM orders o, unnest(o.levels) WITH ORDINALITY a(level, n),
    unnest(o.levels) WITH ORDINALITY b(level, n), w x, w y
    WHERE b.n = a.n + 1 AND x.field = o.field AND x.level = a.level AND y.field = o.field AND y.level = b.level AND x.match < y.match$$,
    'what agrees better never weighs less');
SELECT is_empty($$SELECT o.field, l FROM orders o, unnest(o.levels) l WHERE NOT EXISTS (SELECT FROM w WHERE w.field = o.field AND w.level = l)$$,
    'no level is missing');
SELECT is_empty($$SELECT field, level FROM w WHERE greatest(abs(match), abs(household), abs(twin)) > 16 AND field <> 'prior'$$,
    'no weight decides alone what others deny');
SELECT cmp_ok((SELECT match FROM w WHERE field = 'given' AND level = 'differ'), '<', -3::float8, 'another given name is another child');
SELECT cmp_ok((SELECT match - household FROM w WHERE field = 'postcode' AND level = 'equal'), '<', 1::float8,
    'a household lives in one place: the postcode tells nothing of who it is');
SELECT cmp_ok((SELECT match - twin FROM w WHERE field = 'birth' AND level = 'equal'), '<', 1::float8, 'nor the birth date among twins');
SELECT cmp_ok((SELECT match FROM w WHERE field = 'number' AND level = 'equal'), '>',
    (SELECT match FROM w WHERE field = 'contact' AND level = 'equal'), 'a number of one person says more than one that a household shares');
SELECT ok((SELECT match = 0 AND twin = 0 AND household < 0 FROM w WHERE field = 'spacing'), 'no mother has two births in a few months: that speaks against brothers and sisters, and against nothing else');
SELECT is((SELECT count(*) FROM w WHERE field = 'prior'), 3::bigint, 'all priors are there');

SELECT * FROM finish();
ROLLBACK;
