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
    (2, 'given', 'equal', 9.89, -0.50, -0.50),
    (2, 'given', 'edit', 8.03, -0.50, -0.50),
    (2, 'given', 'variant', 6.60, -0.50, -0.50),
    (2, 'given', 'part', 4.07, -0.50, -0.50),
    (2, 'given', 'close', 6.40, -0.50, -0.50),
    (2, 'given', 'weak', 1.50, 0.00, 0.00),
    (2, 'given', 'initial', 2.70, 0.00, 0.00),
    (2, 'given', 'differ', -4.00, 0.00, 0.00),
    (2, 'family', 'equal', 9.41, 9.41, 9.41),
    (2, 'family', 'edit', 9.05, 9.05, 9.05),
    (2, 'family', 'variant', 5.96, 5.96, 5.96),
    (2, 'family', 'part', 6.74, 6.74, 6.74),
    (2, 'family', 'close', 5.83, 5.83, 5.83),
    (2, 'family', 'weak', 2.04, 2.04, 2.04),
    (2, 'family', 'initial', 1.11, 1.11, 1.11),
    (2, 'family', 'differ', -3.00, -2.30, -2.30),
    (2, 'order', 'swapped', -2.00, -2.00, -2.00),
    (2, 'more', 'equal', 5.44, 0.00, 0.00),
    (2, 'more', 'differ', -2.13, -0.53, -0.53),
    (2, 'birth', 'equal', 13.99, -3.00, 13.99),
    (2, 'birth', 'swapped', 6.38, 0.00, 6.38),
    (2, 'birth', 'digit', 6.12, 0.00, 6.12),
    (2, 'birth', 'parts', -0.13, 0.00, -0.13),
    (2, 'birth', 'default', 0.82, 0.00, 0.82),
    (2, 'birth', 'neighbour', 2.50, 0.00, 2.50),
    (2, 'birth', 'digits', -1.00, 0.00, -1.00),
    (2, 'birth', 'year', -3.50, 0.00, -3.50),
    (2, 'birth', 'differ', -6.50, 0.00, -6.50),
    (2, 'birth', 'equal default', 8.58, 0.00, 8.58),
    (2, 'birth', 'month only', 8.15, 0.00, 8.15),
    (2, 'birth', 'year only', 5.77, 0.00, 5.77),
    (2, 'birth', 'part differs', -3.02, 0.00, -3.02),
    (2, 'sex', 'equal', 1.39, 0.00, 0.40),
    (2, 'sex', 'differ', -3.00, 0.00, -0.60),
    (2, 'postcode', 'equal', 8.00, 8.00, 8.00),
    (2, 'postcode', 'equal wide', 7.78, 7.78, 7.78),
    (2, 'postcode', 'near', 5.89, 5.89, 5.89),
    (2, 'postcode', 'area', 1.73, 1.73, 1.73),
    (2, 'postcode', 'differ', -1.97, -1.97, -1.97),
    (2, 'address', 'equal', 7.26, 7.26, 7.26),
    (2, 'address', 'near', 7.26, 7.26, 7.26),
    (2, 'address', 'part', 4.77, 4.77, 4.77),
    (2, 'address', 'next door', -1.00, -1.00, -1.00),
    (2, 'address', 'differ', -4.09, -2.30, -2.30),
    (2, 'address', 'town equal', 5.00, 5.00, 5.00),
    (2, 'address', 'town near', 4.17, 4.17, 4.17),
    (2, 'address', 'town differ', -3.31, -2.30, -2.30),
    (2, 'address beside postcode', 'equal', 4.08, 4.08, 4.08),
    (2, 'address beside postcode', 'near', 4.08, 4.08, 4.08),
    (2, 'address beside postcode', 'part', 0.34, 0.34, 0.34),
    (2, 'address beside postcode', 'next door', -2.00, -2.00, -2.00),
    (2, 'address beside postcode', 'differ', -4.11, -2.30, -2.30),
    (2, 'address beside postcode', 'town equal', 2.00, 2.00, 2.00),
    (2, 'address beside postcode', 'town near', 2.00, 2.00, 2.00),
    (2, 'address beside postcode', 'town differ', 0.00, 0.00, 0.00),
    (2, 'number', 'equal', 15.00, 0.00, 0.00),
    (2, 'number', 'near', 11.43, 0.00, 0.00),
    (2, 'number', 'differ', -3.46, -0.87, -0.87),
    (2, 'contact', 'equal', 7.75, 6.25, 6.25),
    (2, 'contact', 'near', 5.57, 4.07, 4.07),
    (2, 'contact', 'differ', -4.65, -0.50, -0.50),
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
