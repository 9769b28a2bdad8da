-- What any durable record must cost: one row of about 150 bytes, committed.
\set child 100000000007 + random(0, :children - 1) * :step
INSERT INTO public.note (subject, remark)
VALUES (:child, 'SELECT child_id, given_names, family_name FROM child; home visit planned');
