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
-- Made by make weights from the labelled sets that may be copied (test/quality/train.c); half an order is at its bound there.
INSERT INTO contactpoint.weight (version, field, level, match, household, twin) VALUES
    (2, 'given', 'equal', 7.50, -0.50, -0.50),
    (2, 'given', 'edit', 6.57, -0.50, -0.50),
    (2, 'given', 'variant', 6.39, -0.50, -0.50),
    (2, 'given', 'part', 3.86, -0.50, -0.50),
    (2, 'given', 'close', 5.05, -0.50, -0.50),
    (2, 'given', 'rival', 3.68, -0.50, -0.50),
    (2, 'given', 'weak', 0.71, 0.00, 0.00),
    (2, 'given', 'initial', 2.49, 0.00, 0.00),
    (2, 'given', 'differ', -3.20, 0.00, 0.00),
    (2, 'family', 'equal', 9.33, 9.33, 9.33),
    (2, 'family', 'edit', 9.33, 9.33, 9.33),
    (2, 'family', 'variant', 6.61, 6.61, 6.61),
    (2, 'family', 'part', 6.82, 6.82, 6.82),
    (2, 'family', 'close', 6.29, 6.29, 6.29),
    (2, 'family', 'rival', 6.13, 6.13, 6.13),
    (2, 'family', 'weak', 2.84, 2.84, 2.84),
    (2, 'family', 'initial', 1.19, 1.19, 1.19),
    (2, 'family', 'differ', -3.35, -2.30, -2.30),
    (2, 'order', 'swapped', -2.00, -2.00, -2.00),
    (2, 'order', 'half', -2.00, -2.00, -2.00),
    (2, 'more', 'equal', 4.94, 0.00, 0.00),
    (2, 'more', 'differ', -2.17, -0.54, -0.54),
    (2, 'birth', 'equal', 13.74, -3.00, 13.74),
    (2, 'birth', 'swapped', 6.41, 0.00, 6.41),
    (2, 'birth', 'digit', 5.99, 0.00, 5.99),
    (2, 'birth', 'close parts', 2.97, 0.00, 2.97),
    (2, 'birth', 'parts', 0.19, 0.00, 0.19),
    (2, 'birth', 'default', 0.78, 0.00, 0.78),
    (2, 'birth', 'neighbour', 2.50, 0.00, 2.50),
    (2, 'birth', 'close', 1.00, 0.00, 1.00),
    (2, 'birth', 'digits', -1.07, 0.00, -1.07),
    (2, 'birth', 'year', -3.50, 0.00, -3.50),
    (2, 'birth', 'differ', -6.50, 0.00, -6.50),
    (2, 'birth', 'equal default', 8.15, 0.00, 8.15),
    (2, 'birth', 'month only', 8.15, 0.00, 8.15),
    (2, 'birth', 'year only', 5.15, 0.00, 5.15),
    (2, 'birth', 'part differs', -1.47, 0.00, -1.47),
    (2, 'sex', 'equal', 0.30, 0.00, 0.40),
    (2, 'sex', 'differ', -3.00, 0.00, -0.60),
    (2, 'postcode', 'equal', 8.00, 8.00, 8.00),
    (2, 'postcode', 'equal wide', 8.00, 8.00, 8.00),
    (2, 'postcode', 'near', 6.68, 6.68, 6.68),
    (2, 'postcode', 'area', 1.64, 1.64, 1.64),
    (2, 'postcode', 'differ', -1.51, -1.51, -1.51),
    (2, 'address', 'equal', 7.38, 7.38, 7.38),
    (2, 'address', 'near', 7.38, 7.38, 7.38),
    (2, 'address', 'part', 4.64, 4.64, 4.64),
    (2, 'address', 'next door', -1.00, -1.00, -1.00),
    (2, 'address', 'differ', -3.49, -2.30, -2.30),
    (2, 'address', 'town equal', 5.00, 5.00, 5.00),
    (2, 'address', 'town near', 4.02, 4.02, 4.02),
    (2, 'address', 'town differ', -2.98, -2.30, -2.30),
    (2, 'address beside postcode', 'equal', 4.54, 4.54, 4.54),
    (2, 'address beside postcode', 'near', 4.54, 4.54, 4.54),
    (2, 'address beside postcode', 'part', 0.68, 0.68, 0.68),
    (2, 'address beside postcode', 'next door', -2.00, -2.00, -2.00),
    (2, 'address beside postcode', 'differ', -5.53, -2.30, -2.30),
    (2, 'address beside postcode', 'town equal', 2.00, 2.00, 2.00),
    (2, 'address beside postcode', 'town near', 2.00, 2.00, 2.00),
    (2, 'address beside postcode', 'town differ', 0.00, 0.00, 0.00),
    (2, 'number', 'equal', 15.00, 0.00, 0.00),
    (2, 'number', 'near', 13.26, 0.00, 0.00),
    (2, 'number', 'differ', -5.55, -1.39, -1.39),
    (2, 'contact', 'equal', 10.00, 8.50, 8.50),
    (2, 'contact', 'near', 5.15, 3.65, 3.65),
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
