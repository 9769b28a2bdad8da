-- Where one child lives: under the library the table is partitioned, and the
-- plan leaves the vault out.
\if not :said
SET contactpoint.reason = 'home visit planned';
\set said true
\endif
\set child 100000000007 + random(0, :children - 1) * :step
SELECT address, postcode FROM contactpoint.address WHERE child_id = :child;
