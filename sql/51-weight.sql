-- Frozen weights in bits. A later version adds rows with a higher number.
CREATE TABLE contactpoint.weight (
    version int NOT NULL,
    field text NOT NULL,
    level text NOT NULL,
    bits float8 NOT NULL,
    PRIMARY KEY (version, field, level)
);
COMMENT ON TABLE contactpoint.weight IS 'weights of the matcher; the highest version of each counts';
COMMENT ON COLUMN contactpoint.weight.version IS 'version of the weights';
COMMENT ON COLUMN contactpoint.weight.field IS 'what is compared';
COMMENT ON COLUMN contactpoint.weight.level IS 'how well it agrees';
COMMENT ON COLUMN contactpoint.weight.bits IS 'log2 of how much more often that is seen between rows about one child than between two children';
COMMENT ON INDEX contactpoint.weight_pkey IS 'one weight a version, field and level';
INSERT INTO contactpoint.weight (version, field, level, bits) VALUES
    (1, 'given', 'equal', 8.7), (1, 'given', 'edit', 5.5), (1, 'given', 'close', 4),
    (1, 'given', 'weak', 1), (1, 'given', 'initial', 1), (1, 'given', 'differ', -5),
    (1, 'family', 'equal', 8.7), (1, 'family', 'edit', 5.5), (1, 'family', 'close', 4),
    (1, 'family', 'weak', 1), (1, 'family', 'initial', 0.5), (1, 'family', 'differ', -4.5),
    (1, 'name', 'swapped', -3.5), (1, 'name', 'shifted', -2),
    (1, 'name', 'more', 2), (1, 'name', 'more differ', -1),
    (1, 'birth', 'equal', 12.6), (1, 'birth', 'swapped', 6.5), (1, 'birth', 'digit', 4),
    (1, 'birth', 'parts', 1), (1, 'birth', 'default', 1), (1, 'birth', 'digits', -2),
    (1, 'birth', 'year', -3.5), (1, 'birth', 'differ', -8), (1, 'birth', 'equal default', 8),
    (1, 'sex', 'equal', 0.9), (1, 'sex', 'differ', -4.5),
    (1, 'postcode', 'equal', 8), (1, 'postcode', 'near', 4), (1, 'postcode', 'area', 2), (1, 'postcode', 'differ', -1.5),
    (1, 'address', 'equal', 10), (1, 'address', 'near', 8), (1, 'address', 'part', 3), (1, 'address', 'differ', -1),
    (1, 'identifier', 'equal', 16), (1, 'identifier', 'differ', -4),
    (1, 'prior', 'least', 13), (1, 'cap', 'other child', 2);

ALTER TABLE contactpoint.weight ENABLE ROW LEVEL SECURITY;
ALTER TABLE contactpoint.weight FORCE ROW LEVEL SECURITY;
