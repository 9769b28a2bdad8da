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
    (2, 'given', 'equal', 7.99, -0.50, -0.50),
    (2, 'given', 'edit', 7.13, -0.50, -0.50),
    (2, 'given', 'variant', 6.73, -0.50, -0.50),
    (2, 'given', 'part', 3.68, -0.50, -0.50),
    (2, 'given', 'close', 5.39, -0.50, -0.50),
    (2, 'given', 'rival', 3.71, -0.50, -0.50),
    (2, 'given', 'weak', 0.84, 0.00, 0.00),
    (2, 'given', 'initial', 2.54, 0.00, 0.00),
    (2, 'given', 'differ', -3.20, 0.00, 0.00),
    (2, 'family', 'equal', 9.66, 9.66, 9.66),
    (2, 'family', 'edit', 9.64, 9.64, 9.64),
    (2, 'family', 'variant', 6.61, 6.61, 6.61),
    (2, 'family', 'part', 6.79, 6.79, 6.79),
    (2, 'family', 'close', 6.48, 6.48, 6.48),
    (2, 'family', 'rival', 6.02, 6.02, 6.02),
    (2, 'family', 'weak', 2.74, 2.74, 2.74),
    (2, 'family', 'initial', 1.18, 1.18, 1.18),
    (2, 'family', 'differ', -3.40, -2.30, -2.30),
    (2, 'order', 'swapped', -2.00, -2.00, -2.00),
    (2, 'more', 'equal', 4.87, 0.00, 0.00),
    (2, 'more', 'differ', -2.48, -0.62, -0.62),
    (2, 'birth', 'equal', 13.74, -3.00, 13.74),
    (2, 'birth', 'swapped', 6.41, 0.00, 6.41),
    (2, 'birth', 'digit', 5.92, 0.00, 5.92),
    (2, 'birth', 'parts', 1.22, 0.00, 1.22),
    (2, 'birth', 'default', 0.76, 0.00, 0.76),
    (2, 'birth', 'neighbour', 2.50, 0.00, 2.50),
    (2, 'birth', 'digits', -1.00, 0.00, -1.00),
    (2, 'birth', 'year', -3.50, 0.00, -3.50),
    (2, 'birth', 'differ', -6.50, 0.00, -6.50),
    (2, 'birth', 'equal default', 8.13, 0.00, 8.13),
    (2, 'birth', 'month only', 8.13, 0.00, 8.13),
    (2, 'birth', 'year only', 4.97, 0.00, 4.97),
    (2, 'birth', 'part differs', -1.74, 0.00, -1.74),
    (2, 'sex', 'equal', 0.33, 0.00, 0.40),
    (2, 'sex', 'differ', -3.00, 0.00, -0.60),
    (2, 'postcode', 'equal', 8.00, 8.00, 8.00),
    (2, 'postcode', 'equal wide', 8.00, 8.00, 8.00),
    (2, 'postcode', 'near', 6.49, 6.49, 6.49),
    (2, 'postcode', 'area', 1.48, 1.48, 1.48),
    (2, 'postcode', 'differ', -1.82, -1.82, -1.82),
    (2, 'address', 'equal', 7.29, 7.29, 7.29),
    (2, 'address', 'near', 7.29, 7.29, 7.29),
    (2, 'address', 'part', 4.71, 4.71, 4.71),
    (2, 'address', 'next door', -1.00, -1.00, -1.00),
    (2, 'address', 'differ', -3.55, -2.30, -2.30),
    (2, 'address', 'town equal', 5.00, 5.00, 5.00),
    (2, 'address', 'town near', 4.23, 4.23, 4.23),
    (2, 'address', 'town differ', -3.27, -2.30, -2.30),
    (2, 'address beside postcode', 'equal', 4.73, 4.73, 4.73),
    (2, 'address beside postcode', 'near', 4.73, 4.73, 4.73),
    (2, 'address beside postcode', 'part', 0.83, 0.83, 0.83),
    (2, 'address beside postcode', 'next door', -2.00, -2.00, -2.00),
    (2, 'address beside postcode', 'differ', -5.34, -2.30, -2.30),
    (2, 'address beside postcode', 'town equal', 2.00, 2.00, 2.00),
    (2, 'address beside postcode', 'town near', 2.00, 2.00, 2.00),
    (2, 'address beside postcode', 'town differ', 0.00, 0.00, 0.00),
    (2, 'number', 'equal', 15.00, 0.00, 0.00),
    (2, 'number', 'near', 13.28, 0.00, 0.00),
    (2, 'number', 'differ', -5.03, -1.26, -1.26),
    (2, 'contact', 'equal', 10.00, 8.50, 8.50),
    (2, 'contact', 'near', 5.66, 4.16, 4.16),
    (2, 'contact', 'differ', -4.23, -0.50, -0.50),
    (2, 'prior', 'least records', 10.00, 0, 0),
    (2, 'prior', 'household', 0.60, 0, 0),
    (2, 'prior', 'twin', -5.00, 0, 0);

-- A later version counts in every session from its commit on, and never within
-- a batch: whoever writes here waits for the matching lock, which lies on this table.
CREATE TRIGGER weight_told AFTER INSERT OR UPDATE OR DELETE ON contactpoint.weight
    FOR EACH ROW EXECUTE FUNCTION contactpoint._tell_sessions();
ALTER TABLE contactpoint.weight ENABLE ALWAYS TRIGGER weight_told;
COMMENT ON TRIGGER weight_told ON contactpoint.weight IS 'makes every session read the table anew';
