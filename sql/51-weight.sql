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
    'log2 of how much more often that is seen between rows about one child than between random children; of a prior, log2 of the number where the registry does not tell yet';
COMMENT ON COLUMN contactpoint.weight.household IS 'the same for two children of one household';
COMMENT ON COLUMN contactpoint.weight.twin IS 'the same for twins';
COMMENT ON INDEX contactpoint.weight_pkey IS 'one weight a version, field and level';
-- Made by make weights from the labelled sets that may be copied (test/quality/train.c).
INSERT INTO contactpoint.weight (version, field, level, match, household, twin) VALUES
    (2, 'given', 'equal', 8.16, -0.50, -0.50),
    (2, 'given', 'edit', 7.26, -0.50, -0.50),
    (2, 'given', 'variant', 6.89, -0.50, -0.50),
    (2, 'given', 'part', 3.74, -0.50, -0.50),
    (2, 'given', 'close', 5.59, -0.50, -0.50),
    (2, 'given', 'rival', 3.81, -0.50, -0.50),
    (2, 'given', 'weak', 0.86, 0.00, 0.00),
    (2, 'given', 'initial', 2.52, 0.00, 0.00),
    (2, 'given', 'differ', -2.67, 0.00, 0.00),
    (2, 'family', 'equal', 9.42, 9.42, 9.42),
    (2, 'family', 'edit', 9.42, 9.42, 9.42),
    (2, 'family', 'variant', 6.61, 6.61, 6.61),
    (2, 'family', 'part', 6.75, 6.75, 6.75),
    (2, 'family', 'close', 6.31, 6.31, 6.31),
    (2, 'family', 'rival', 5.89, 5.89, 5.89),
    (2, 'family', 'weak', 2.62, 2.62, 2.62),
    (2, 'family', 'initial', 1.18, 1.18, 1.18),
    (2, 'family', 'differ', -3.91, -2.30, -2.30),
    (2, 'order', 'swapped', -2.00, -2.00, -2.00),
    (2, 'more', 'equal', 4.83, 0.00, 0.00),
    (2, 'more', 'differ', -2.46, -0.61, -0.61),
    (2, 'birth', 'equal', 13.78, -3.00, 13.78),
    (2, 'birth', 'swapped', 6.41, 0.00, 6.41),
    (2, 'birth', 'digit', 5.90, 0.00, 5.90),
    (2, 'birth', 'parts', 1.21, 0.00, 1.21),
    (2, 'birth', 'default', 0.76, 0.00, 0.76),
    (2, 'birth', 'neighbour', 2.50, 0.00, 2.50),
    (2, 'birth', 'digits', -1.00, 0.00, -1.00),
    (2, 'birth', 'year', -3.50, 0.00, -3.50),
    (2, 'birth', 'differ', -6.50, 0.00, -6.50),
    (2, 'birth', 'equal default', 8.15, 0.00, 8.15),
    (2, 'birth', 'month only', 8.15, 0.00, 8.15),
    (2, 'birth', 'year only', 5.04, 0.00, 5.04),
    (2, 'birth', 'part differs', -1.76, 0.00, -1.76),
    (2, 'sex', 'equal', 0.33, 0.00, 0.40),
    (2, 'sex', 'differ', -3.00, 0.00, -0.60),
    (2, 'postcode', 'equal', 8.00, 8.00, 8.00),
    (2, 'postcode', 'equal wide', 8.00, 8.00, 8.00),
    (2, 'postcode', 'near', 6.52, 6.52, 6.52),
    (2, 'postcode', 'area', 1.44, 1.44, 1.44),
    (2, 'postcode', 'differ', -1.79, -1.79, -1.79),
    (2, 'address', 'equal', 7.26, 7.26, 7.26),
    (2, 'address', 'near', 7.26, 7.26, 7.26),
    (2, 'address', 'part', 4.66, 4.66, 4.66),
    (2, 'address', 'next door', -1.00, -1.00, -1.00),
    (2, 'address', 'differ', -3.66, -2.30, -2.30),
    (2, 'address', 'town equal', 5.00, 5.00, 5.00),
    (2, 'address', 'town near', 4.23, 4.23, 4.23),
    (2, 'address', 'town differ', -3.23, -2.30, -2.30),
    (2, 'address beside postcode', 'equal', 4.77, 4.77, 4.77),
    (2, 'address beside postcode', 'near', 4.77, 4.77, 4.77),
    (2, 'address beside postcode', 'part', 0.80, 0.80, 0.80),
    (2, 'address beside postcode', 'next door', -2.00, -2.00, -2.00),
    (2, 'address beside postcode', 'differ', -5.47, -2.30, -2.30),
    (2, 'address beside postcode', 'town equal', 2.00, 2.00, 2.00),
    (2, 'address beside postcode', 'town near', 2.00, 2.00, 2.00),
    (2, 'address beside postcode', 'town differ', 0.00, 0.00, 0.00),
    (2, 'number', 'equal', 15.00, 0.00, 0.00),
    (2, 'number', 'near', 13.28, 0.00, 0.00),
    (2, 'number', 'differ', -5.15, -1.29, -1.29),
    (2, 'contact', 'equal', 10.00, 8.50, 8.50),
    (2, 'contact', 'near', 5.69, 4.19, 4.19),
    (2, 'contact', 'differ', -4.31, -0.50, -0.50),
    (2, 'prior', 'least records', 10.00, 0, 0),
    (2, 'prior', 'household', 0.60, 0, 0),
    (2, 'prior', 'twin', -5.00, 0, 0);

-- A later version counts in every session from its commit on, and never within
-- a batch: whoever writes here waits for the matching lock, which lies on this table.
CREATE TRIGGER weight_told AFTER INSERT OR UPDATE OR DELETE ON contactpoint.weight
    FOR EACH ROW EXECUTE FUNCTION contactpoint._tell_sessions();
ALTER TABLE contactpoint.weight ENABLE ALWAYS TRIGGER weight_told;
COMMENT ON TRIGGER weight_told ON contactpoint.weight IS 'makes every session read the table anew';
