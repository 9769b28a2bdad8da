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
    (2, 'given', 'equal', 7.35, -0.50, -0.50),
    (2, 'given', 'edit', 6.38, -0.50, -0.50),
    (2, 'given', 'variant', 6.23, -0.50, -0.50),
    (2, 'given', 'part', 3.83, -0.50, -0.50),
    (2, 'given', 'close', 4.97, -0.50, -0.50),
    (2, 'given', 'rival', 3.57, -0.50, -0.50),
    (2, 'given', 'weak', 0.62, 0.00, 0.00),
    (2, 'given', 'initial', 2.46, 0.00, 0.00),
    (2, 'given', 'differ', -3.22, 0.00, 0.00),
    (2, 'family', 'equal', 9.23, 9.23, 9.23),
    (2, 'family', 'edit', 9.23, 9.23, 9.23),
    (2, 'family', 'variant', 6.60, 6.60, 6.60),
    (2, 'family', 'part', 6.81, 6.81, 6.81),
    (2, 'family', 'close', 6.22, 6.22, 6.22),
    (2, 'family', 'rival', 6.05, 6.05, 6.05),
    (2, 'family', 'weak', 2.72, 2.72, 2.72),
    (2, 'family', 'initial', 1.19, 1.19, 1.19),
    (2, 'family', 'differ', -3.36, -2.30, -2.30),
    (2, 'order', 'swapped', -2.00, -2.00, -2.00),
    (2, 'more', 'equal', 4.94, 0.00, 0.00),
    (2, 'more', 'differ', -2.18, -0.55, -0.55),
    (2, 'birth', 'equal', 13.59, -3.00, 13.59),
    (2, 'birth', 'swapped', 6.40, 0.00, 6.40),
    (2, 'birth', 'digit', 5.87, 0.00, 5.87),
    (2, 'birth', 'close parts', 2.92, 0.00, 2.92),
    (2, 'birth', 'parts', 0.20, 0.00, 0.20),
    (2, 'birth', 'default', 0.77, 0.00, 0.77),
    (2, 'birth', 'neighbour', 2.50, 0.00, 2.50),
    (2, 'birth', 'close', 1.00, 0.00, 1.00),
    (2, 'birth', 'digits', -1.09, 0.00, -1.09),
    (2, 'birth', 'year', -3.50, 0.00, -3.50),
    (2, 'birth', 'differ', -6.50, 0.00, -6.50),
    (2, 'birth', 'equal default', 8.12, 0.00, 8.12),
    (2, 'birth', 'month only', 8.12, 0.00, 8.12),
    (2, 'birth', 'year only', 5.05, 0.00, 5.05),
    (2, 'birth', 'part differs', -1.60, 0.00, -1.60),
    (2, 'sex', 'equal', 0.85, 0.00, 0.40),
    (2, 'sex', 'differ', -3.00, 0.00, -0.60),
    (2, 'postcode', 'equal', 8.00, 8.00, 8.00),
    (2, 'postcode', 'equal wide', 8.00, 8.00, 8.00),
    (2, 'postcode', 'near', 6.68, 6.68, 6.68),
    (2, 'postcode', 'area', 1.58, 1.58, 1.58),
    (2, 'postcode', 'differ', -1.56, -1.56, -1.56),
    (2, 'address', 'equal', 7.34, 7.34, 7.34),
    (2, 'address', 'near', 7.34, 7.34, 7.34),
    (2, 'address', 'part', 4.64, 4.64, 4.64),
    (2, 'address', 'next door', -1.00, -1.00, -1.00),
    (2, 'address', 'differ', -3.34, -2.30, -2.30),
    (2, 'address', 'town equal', 5.00, 5.00, 5.00),
    (2, 'address', 'town near', 3.98, 3.98, 3.98),
    (2, 'address', 'town differ', -3.02, -2.30, -2.30),
    (2, 'address beside postcode', 'equal', 4.56, 4.56, 4.56),
    (2, 'address beside postcode', 'near', 4.56, 4.56, 4.56),
    (2, 'address beside postcode', 'part', 0.71, 0.71, 0.71),
    (2, 'address beside postcode', 'next door', -2.00, -2.00, -2.00),
    (2, 'address beside postcode', 'differ', -5.49, -2.30, -2.30),
    (2, 'address beside postcode', 'town equal', 2.00, 2.00, 2.00),
    (2, 'address beside postcode', 'town near', 2.00, 2.00, 2.00),
    (2, 'address beside postcode', 'town differ', 0.00, 0.00, 0.00),
    (2, 'number', 'equal', 15.00, 0.00, 0.00),
    (2, 'number', 'near', 13.26, 0.00, 0.00),
    (2, 'number', 'differ', -5.54, -1.38, -1.38),
    (2, 'contact', 'equal', 10.00, 8.50, 8.50),
    (2, 'contact', 'near', 5.12, 3.62, 3.62),
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
