-- Roles of all three servers. Practitioners look at single records, managers at
-- many: practitioners may see only so many children a day.
CREATE ROLE bench_flush LOGIN;
CREATE ROLE bench_async LOGIN;
CREATE ROLE bench_manager LOGIN;
CREATE ROLE bench_manager_async LOGIN;
CREATE ROLE bench_auditor LOGIN;

-- What everybody has beside a registry: a table that nothing protects, and one
-- that takes a row of about 150 bytes for each INSERT + COMMIT.
CREATE TABLE public.stock (item bigint PRIMARY KEY, quantity int NOT NULL, place text NOT NULL);
INSERT INTO public.stock SELECT i, i % 1000, 'shelf ' || i % 77 FROM generate_series(1, 100000) i;
CREATE TABLE public.note (
    note_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    role_name name NOT NULL DEFAULT current_user,
    subject bigint NOT NULL,
    remark text NOT NULL
);
CREATE TABLE public.movement (movement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item bigint NOT NULL, quantity int NOT NULL);
GRANT SELECT ON public.stock TO bench_flush, bench_async;
GRANT INSERT ON public.note, public.movement TO bench_flush, bench_async;
