-- A table that has nothing to do with the registry.
\set item random(1, 100000)
SELECT item, quantity, place FROM public.stock WHERE item = :item;
