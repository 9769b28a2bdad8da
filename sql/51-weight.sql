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
    (2, 'given', 'equal', 9.57, -0.50, -0.50),
    (2, 'given', 'edit', 8.38, -0.50, -0.50),
    (2, 'given', 'variant', 7.83, -0.50, -0.50),
    (2, 'given', 'part', 4.43, -0.50, -0.50),
    (2, 'given', 'close', 6.44, -0.50, -0.50),
    (2, 'given', 'rival', 4.97, -0.50, -0.50),
    (2, 'given', 'weak', 1.50, 0.00, 0.00),
    (2, 'given', 'initial', 3.13, 0.00, 0.00),
    (2, 'given', 'differ', -3.20, 0.00, 0.00),
    (2, 'family', 'equal', 9.77, 9.77, 9.77),
    (2, 'family', 'edit', 9.49, 9.49, 9.49),
    (2, 'family', 'variant', 6.63, 6.63, 6.63),
    (2, 'family', 'part', 6.81, 6.81, 6.81),
    (2, 'family', 'close', 6.28, 6.28, 6.28),
    (2, 'family', 'rival', 6.28, 6.28, 6.28),
    (2, 'family', 'weak', 2.20, 2.20, 2.20),
    (2, 'family', 'initial', 1.22, 1.22, 1.22),
    (2, 'family', 'differ', -3.00, -2.30, -2.30),
    (2, 'order', 'swapped', -2.00, -2.00, -2.00),
    (2, 'more', 'equal', 5.15, 0.00, 0.00),
    (2, 'more', 'differ', -1.83, -0.46, -0.46),
    (2, 'birth', 'equal', 13.72, -3.00, 13.72),
    (2, 'birth', 'swapped', 6.43, 0.00, 6.43),
    (2, 'birth', 'digit', 6.43, 0.00, 6.43),
    (2, 'birth', 'parts', 1.37, 0.00, 1.37),
    (2, 'birth', 'default', 0.80, 0.00, 0.80),
    (2, 'birth', 'neighbour', 2.50, 0.00, 2.50),
    (2, 'birth', 'digits', -1.00, 0.00, -1.00),
    (2, 'birth', 'year', -3.50, 0.00, -3.50),
    (2, 'birth', 'differ', -6.50, 0.00, -6.50),
    (2, 'birth', 'equal default', 8.61, 0.00, 8.61),
    (2, 'birth', 'month only', 8.55, 0.00, 8.55),
    (2, 'birth', 'year only', 5.20, 0.00, 5.20),
    (2, 'birth', 'part differs', -1.32, 0.00, -1.32),
    (2, 'sex', 'equal', 0.77, 0.00, 0.40),
    (2, 'sex', 'differ', -3.00, 0.00, -0.60),
    (2, 'postcode', 'equal', 8.00, 8.00, 8.00),
    (2, 'postcode', 'equal wide', 7.91, 7.91, 7.91),
    (2, 'postcode', 'near', 6.30, 6.30, 6.30),
    (2, 'postcode', 'area', 2.12, 2.12, 2.12),
    (2, 'postcode', 'differ', -1.27, -1.27, -1.27),
    (2, 'address', 'equal', 7.25, 7.25, 7.25),
    (2, 'address', 'near', 7.25, 7.25, 7.25),
    (2, 'address', 'part', 4.76, 4.76, 4.76),
    (2, 'address', 'next door', -1.00, -1.00, -1.00),
    (2, 'address', 'differ', -4.37, -2.30, -2.30),
    (2, 'address', 'town equal', 5.00, 5.00, 5.00),
    (2, 'address', 'town near', 4.17, 4.17, 4.17),
    (2, 'address', 'town differ', -2.68, -2.30, -2.30),
    (2, 'address beside postcode', 'equal', 4.05, 4.05, 4.05),
    (2, 'address beside postcode', 'near', 4.05, 4.05, 4.05),
    (2, 'address beside postcode', 'part', 0.36, 0.36, 0.36),
    (2, 'address beside postcode', 'next door', -2.00, -2.00, -2.00),
    (2, 'address beside postcode', 'differ', -4.36, -2.30, -2.30),
    (2, 'address beside postcode', 'town equal', 2.00, 2.00, 2.00),
    (2, 'address beside postcode', 'town near', 2.00, 2.00, 2.00),
    (2, 'address beside postcode', 'town differ', 0.00, 0.00, 0.00),
    (2, 'number', 'equal', 15.00, 0.00, 0.00),
    (2, 'number', 'near', 11.15, 0.00, 0.00),
    (2, 'number', 'differ', -3.74, -0.94, -0.94),
    (2, 'contact', 'equal', 10.00, 8.50, 8.50),
    (2, 'contact', 'near', 5.34, 3.84, 3.84),
    (2, 'contact', 'differ', -4.77, -0.50, -0.50),
    (2, 'prior', 'least records', 10.00, 0, 0),
    (2, 'prior', 'household', 0.60, 0, 0),
    (2, 'prior', 'twin', -5.00, 0, 0);

-- A later version counts in every session from its commit on, and never within
-- a batch: whoever writes here waits for the matching lock, which lies on this table.
CREATE TRIGGER weight_told AFTER INSERT OR UPDATE OR DELETE ON contactpoint.weight
    FOR EACH ROW EXECUTE FUNCTION contactpoint._tell_sessions();
ALTER TABLE contactpoint.weight ENABLE ALWAYS TRIGGER weight_told;
COMMENT ON TRIGGER weight_told ON contactpoint.weight IS 'makes every session read the table anew';
