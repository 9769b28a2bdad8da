-- The same for writing. Nobody waits for the disk: its noise would hide what
-- the library costs.
\if not :said
SET synchronous_commit = off;
\set said true
\endif
\set item random(1, 100000)
INSERT INTO public.movement (item, quantity) VALUES (:item, 1);
