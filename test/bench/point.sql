-- One child by number. The reason is given once a session, not once a read; to
-- servers without the library the setting means nothing.
\if not :said
SET contactpoint.reason = 'home visit planned';
\set said true
\endif
\set child 100000000007 + random(0, :children - 1) * :step
SELECT child_id, given_names, family_name, sex, date_of_birth FROM contactpoint.child WHERE child_id = :child;
