-- Frozen weights in bits. A later version adds rows with a higher number.
CREATE TABLE contactpoint.weight (
    version int NOT NULL,
    field text NOT NULL,
    level text NOT NULL,
    match float8 NOT NULL,
    household float8 NOT NULL,
    twin float8 NOT NULL,
    PRIMARY KEY (version, field, level)
);
COMMENT ON TABLE contactpoint.weight IS 'weights of the matcher in bits; the highest version counts';
COMMENT ON COLUMN contactpoint.weight.version IS 'version of the weights';
COMMENT ON COLUMN contactpoint.weight.field IS 'what is compared';
COMMENT ON COLUMN contactpoint.weight.level IS 'how well it agrees';
COMMENT ON COLUMN contactpoint.weight.match IS
    'log2 of how much more often that is seen between rows about one child than between random children; of a prior, log2 of the number';
COMMENT ON COLUMN contactpoint.weight.household IS 'the same for two children of one household';
COMMENT ON COLUMN contactpoint.weight.twin IS 'the same for twins';
COMMENT ON INDEX contactpoint.weight_pkey IS 'one weight a version, field and level';
-- Made by make weights from the labelled sets that may be copied (test/quality/train.c).
INSERT INTO contactpoint.weight (version, field, level, match, household, twin) VALUES
    (2, 'given', 'equal', 9.59, -0.50, -0.50),
    (2, 'given', 'edit', 8.44, -0.50, -0.50),
    (2, 'given', 'variant', 7.07, -0.50, -0.50),
    (2, 'given', 'part', 4.30, -0.50, -0.50),
    (2, 'given', 'close', 6.50, -0.50, -0.50),
    (2, 'given', 'rival', 4.97, -0.50, -0.50),
    (2, 'given', 'weak', 1.50, 0.00, 0.00),
    (2, 'given', 'initial', 3.29, 0.00, 0.00),
    (2, 'given', 'differ', -3.00, 0.00, 0.00),
    (2, 'family', 'equal', 9.76, 9.76, 9.76),
    (2, 'family', 'edit', 9.50, 9.50, 9.50),
    (2, 'family', 'variant', 5.96, 5.96, 5.96),
    (2, 'family', 'part', 6.80, 6.80, 6.80),
    (2, 'family', 'close', 6.26, 6.26, 6.26),
    (2, 'family', 'rival', 6.26, 6.26, 6.26),
    (2, 'family', 'weak', 2.28, 2.28, 2.28),
    (2, 'family', 'initial', 1.22, 1.22, 1.22),
    (2, 'family', 'differ', -3.00, -2.30, -2.30),
    (2, 'order', 'swapped', -2.00, -2.00, -2.00),
    (2, 'more', 'equal', 5.14, 0.00, 0.00),
    (2, 'more', 'differ', -1.87, -0.47, -0.47),
    (2, 'birth', 'equal', 13.67, -3.00, 13.67),
    (2, 'birth', 'swapped', 6.42, 0.00, 6.42),
    (2, 'birth', 'digit', 6.42, 0.00, 6.42),
    (2, 'birth', 'parts', 1.09, 0.00, 1.09),
    (2, 'birth', 'default', 0.80, 0.00, 0.80),
    (2, 'birth', 'neighbour', 2.50, 0.00, 2.50),
    (2, 'birth', 'digits', -1.00, 0.00, -1.00),
    (2, 'birth', 'year', -3.50, 0.00, -3.50),
    (2, 'birth', 'differ', -6.50, 0.00, -6.50),
    (2, 'birth', 'equal default', 8.59, 0.00, 8.59),
    (2, 'birth', 'month only', 8.51, 0.00, 8.51),
    (2, 'birth', 'year only', 5.10, 0.00, 5.10),
    (2, 'birth', 'part differs', -1.33, 0.00, -1.33),
    (2, 'sex', 'equal', 0.78, 0.00, 0.40),
    (2, 'sex', 'differ', -3.00, 0.00, -0.60),
    (2, 'postcode', 'equal', 8.00, 8.00, 8.00),
    (2, 'postcode', 'equal wide', 7.80, 7.80, 7.80),
    (2, 'postcode', 'near', 6.27, 6.27, 6.27),
    (2, 'postcode', 'area', 2.11, 2.11, 2.11),
    (2, 'postcode', 'differ', -1.35, -1.35, -1.35),
    (2, 'address', 'equal', 7.24, 7.24, 7.24),
    (2, 'address', 'near', 7.24, 7.24, 7.24),
    (2, 'address', 'part', 4.72, 4.72, 4.72),
    (2, 'address', 'next door', -1.00, -1.00, -1.00),
    (2, 'address', 'differ', -4.27, -2.30, -2.30),
    (2, 'address', 'town equal', 5.00, 5.00, 5.00),
    (2, 'address', 'town near', 4.32, 4.32, 4.32),
    (2, 'address', 'town differ', -2.62, -2.30, -2.30),
    (2, 'address beside postcode', 'equal', 3.70, 3.70, 3.70),
    (2, 'address beside postcode', 'near', 3.70, 3.70, 3.70),
    (2, 'address beside postcode', 'part', 0.15, 0.15, 0.15),
    (2, 'address beside postcode', 'next door', -2.00, -2.00, -2.00),
    (2, 'address beside postcode', 'differ', -4.31, -2.30, -2.30),
    (2, 'address beside postcode', 'town equal', 2.00, 2.00, 2.00),
    (2, 'address beside postcode', 'town near', 2.00, 2.00, 2.00),
    (2, 'address beside postcode', 'town differ', 0.00, 0.00, 0.00),
    (2, 'number', 'equal', 15.00, 0.00, 0.00),
    (2, 'number', 'near', 11.34, 0.00, 0.00),
    (2, 'number', 'differ', -3.75, -0.94, -0.94),
    (2, 'contact', 'equal', 7.61, 6.11, 6.11),
    (2, 'contact', 'near', 5.40, 3.90, 3.90),
    (2, 'contact', 'differ', -4.67, -0.50, -0.50),
    (2, 'prior', 'least records', 10.00, 0, 0),
    (2, 'prior', 'household', 0.60, 0, 0),
    (2, 'prior', 'twin', -5.00, 0, 0);

ALTER TABLE contactpoint.weight ENABLE ROW LEVEL SECURITY;
ALTER TABLE contactpoint.weight FORCE ROW LEVEL SECURITY;
-- A later version counts in every session from its commit on, and never within
-- a batch: whoever writes here waits for the matching lock, which lies on this table.
CREATE TRIGGER weight_told AFTER INSERT OR UPDATE OR DELETE ON contactpoint.weight
    FOR EACH ROW EXECUTE FUNCTION contactpoint._tell_sessions();
ALTER TABLE contactpoint.weight ENABLE ALWAYS TRIGGER weight_told;
COMMENT ON TRIGGER weight_told ON contactpoint.weight IS 'makes every session read the table anew';
