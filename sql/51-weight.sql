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
    (2, 'given', 'equal', 7.73, -0.50, -0.50),
    (2, 'given', 'edit', 6.48, -0.50, -0.50),
    (2, 'given', 'variant', 6.50, -0.50, -0.50),
    (2, 'given', 'part', 3.74, -0.50, -0.50),
    (2, 'given', 'close', 5.18, -0.50, -0.50),
    (2, 'given', 'rival', 3.73, -0.50, -0.50),
    (2, 'given', 'weak', 0.68, 0.00, 0.00),
    (2, 'given', 'initial', 2.60, 0.00, 0.00),
    (2, 'given', 'differ', -3.30, 0.00, 0.00),
    (2, 'family', 'equal', 9.29, 9.29, 9.29),
    (2, 'family', 'edit', 9.29, 9.29, 9.29),
    (2, 'family', 'variant', 6.61, 6.61, 6.61),
    (2, 'family', 'part', 6.83, 6.83, 6.83),
    (2, 'family', 'close', 6.28, 6.28, 6.28),
    (2, 'family', 'rival', 6.09, 6.09, 6.09),
    (2, 'family', 'weak', 2.77, 2.77, 2.77),
    (2, 'family', 'initial', 1.21, 1.21, 1.21),
    (2, 'family', 'differ', -3.61, -2.30, -2.30),
    (2, 'order', 'swapped', -2.00, -2.00, -2.00),
    (2, 'order', 'half', -2.00, -2.00, -2.00),
    (2, 'more', 'equal', 4.88, 0.00, 0.00),
    (2, 'more', 'differ', -2.20, -0.55, -0.55),
    (2, 'birth', 'equal', 13.64, -3.00, 13.64),
    (2, 'birth', 'swapped', 6.41, 0.00, 6.41),
    (2, 'birth', 'digit', 5.93, 0.00, 5.93),
    (2, 'birth', 'close parts', 2.88, 0.00, 2.88),
    (2, 'birth', 'parts', 0.09, 0.00, 0.09),
    (2, 'birth', 'default', 0.79, 0.00, 0.79),
    (2, 'birth', 'neighbour', 2.50, 0.00, 2.50),
    (2, 'birth', 'close', 1.00, 0.00, 1.00),
    (2, 'birth', 'digits', -1.04, 0.00, -1.04),
    (2, 'birth', 'year', -3.50, 0.00, -3.50),
    (2, 'birth', 'differ', -6.50, 0.00, -6.50),
    (2, 'birth', 'equal default', 8.16, 0.00, 8.16),
    (2, 'birth', 'month only', 8.16, 0.00, 8.16),
    (2, 'birth', 'year only', 5.14, 0.00, 5.14),
    (2, 'birth', 'part differs', -1.52, 0.00, -1.52),
    (2, 'sex', 'equal', 0.30, 0.00, 0.40),
    (2, 'sex', 'differ', -3.00, 0.00, -0.60),
    (2, 'postcode', 'equal', 8.00, 8.00, 8.00),
    (2, 'postcode', 'equal wide', 7.13, 7.13, 7.13),
    (2, 'postcode', 'near', 6.24, 6.24, 6.24),
    (2, 'postcode', 'area', 1.92, 1.92, 1.92),
    (2, 'postcode', 'differ', -1.50, -1.50, -1.50),
    (2, 'address', 'equal', 7.53, 7.53, 7.53),
    (2, 'address', 'near', 7.53, 7.53, 7.53),
    (2, 'address', 'part', 4.58, 4.58, 4.58),
    (2, 'address', 'next door', -1.00, -1.00, -1.00),
    (2, 'address', 'differ', -3.98, -2.30, -2.30),
    (2, 'address', 'town equal', 5.00, 5.00, 5.00),
    (2, 'address', 'town near', 3.56, 3.56, 3.56),
    (2, 'address', 'town differ', -3.07, -2.30, -2.30),
    (2, 'address beside postcode', 'equal', 5.02, 5.02, 5.02),
    (2, 'address beside postcode', 'near', 5.02, 5.02, 5.02),
    (2, 'address beside postcode', 'part', 1.00, 1.00, 1.00),
    (2, 'address beside postcode', 'next door', -2.00, -2.00, -2.00),
    (2, 'address beside postcode', 'differ', -3.50, -2.30, -2.30),
    (2, 'address beside postcode', 'town equal', 2.00, 2.00, 2.00),
    (2, 'address beside postcode', 'town near', 2.00, 2.00, 2.00),
    (2, 'address beside postcode', 'town differ', -1.45, -1.45, -1.45),
    (2, 'number', 'equal', 15.00, 0.00, 0.00),
    (2, 'number', 'near', 13.26, 0.00, 0.00),
    (2, 'number', 'differ', -5.75, -1.44, -1.44),
    (2, 'contact', 'equal', 10.00, 8.50, 8.50),
    (2, 'contact', 'near', 4.89, 3.39, 3.39),
    (2, 'contact', 'differ', -4.20, -0.50, -0.50),
    (2, 'spacing', 'short', 0.00, -2.00, 0.00),
    (2, 'prior', 'least records', 10.00, 0, 0),
    (2, 'prior', 'household', 0.60, 0, 0),
    (2, 'prior', 'twin', -5.00, 0, 0);

-- A later version counts in every session from its commit on, and never within
-- a batch: whoever writes here waits for the matching lock, which lies on this table.
CREATE TRIGGER weight_told AFTER INSERT OR UPDATE OR DELETE ON contactpoint.weight
    FOR EACH ROW EXECUTE FUNCTION contactpoint._tell_sessions();
ALTER TABLE contactpoint.weight ENABLE ALWAYS TRIGGER weight_told;
COMMENT ON TRIGGER weight_told ON contactpoint.weight IS 'makes every session read the table anew';
