-- How far the jobs are that take long. Numbers of records and moments only:
-- what a job found or changed stands elsewhere, behind its own guards.

-- What a job over the whole registry needs to go on after a restart. Written
-- with each of its batches.
CREATE TABLE contactpoint.job (
    job text PRIMARY KEY CHECK (job IN ('sweep', 'rekey')),
    started_at timestamptz,
    finished_at timestamptz,
    reached bigint NOT NULL DEFAULT 0,
    done bigint NOT NULL DEFAULT 0,
    total bigint NOT NULL DEFAULT 0,
    resumed_at timestamptz,
    resumed_from bigint NOT NULL DEFAULT 0,
    batch_at timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE contactpoint.job IS 'jobs over the whole registry: how far the last run of each is';
COMMENT ON COLUMN contactpoint.job.job IS 'sweep or rekey';
COMMENT ON COLUMN contactpoint.job.started_at IS 'when the run began; null: never yet';
COMMENT ON COLUMN contactpoint.job.finished_at IS 'when it ended; null while it goes on';
COMMENT ON COLUMN contactpoint.job.reached IS 'child number up to which it is done';
COMMENT ON COLUMN contactpoint.job.done IS 'records it has been through';
COMMENT ON COLUMN contactpoint.job.total IS 'records there were at the start';
COMMENT ON COLUMN contactpoint.job.resumed_at IS 'when it began, or was last taken up again';
COMMENT ON COLUMN contactpoint.job.resumed_from IS 'records it had been through by then';
COMMENT ON COLUMN contactpoint.job.batch_at IS 'when the last batch ended';
INSERT INTO contactpoint.job (job) VALUES ('sweep'), ('rekey');

CREATE FUNCTION contactpoint._progress(OUT done bigint, OUT started_at timestamptz, OUT finished_at timestamptz)
    LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'contactpoint_progress';
COMMENT ON FUNCTION contactpoint._progress() IS 'how far the matchers are with the backlog of the inbox';

CREATE VIEW contactpoint.progress AS
    SELECT p.job, p.done, greatest(p.total, p.done) AS total, round(p.rate::numeric, 1) AS rate, p.started_at,
           CASE WHEN p.finished_at IS NULL AND p.rate > 0
                THEN clock_timestamp() + make_interval(secs => greatest(p.total - p.done, 0) / p.rate) END AS ends_at,
           p.finished_at
    FROM (
        SELECT 'settle' AS job, s.done,
               s.done + (SELECT count(*) FROM contactpoint.receipt r WHERE r.settled_at IS NULL AND NOT r.waits) AS total,
               s.done / greatest(extract(epoch FROM coalesce(s.finished_at, clock_timestamp()) - s.started_at), 0.001)::float8 AS rate,
               s.started_at, s.finished_at
        FROM contactpoint._progress() s
        UNION ALL
        SELECT j.job, j.done, j.total,
               (j.done - j.resumed_from) / greatest(extract(epoch FROM j.batch_at - j.resumed_at), 0.001)::float8,
               j.started_at, j.finished_at
        FROM contactpoint.job j) p;
COMMENT ON VIEW contactpoint.progress IS
    'the jobs that take long, one row each: settle (the backlog of the inbox), sweep, rekey; numbers of records, never which';
COMMENT ON COLUMN contactpoint.progress.job IS 'settle, sweep or rekey';
COMMENT ON COLUMN contactpoint.progress.done IS 'rows or records of this run that are done';
COMMENT ON COLUMN contactpoint.progress.total IS 'those, and what is still to do';
COMMENT ON COLUMN contactpoint.progress.rate IS 'how many a second';
COMMENT ON COLUMN contactpoint.progress.started_at IS 'when the run began; null: none yet (settle: since the server started)';
COMMENT ON COLUMN contactpoint.progress.ends_at IS 'when it should end at this rate; null once it has';
COMMENT ON COLUMN contactpoint.progress.finished_at IS 'when it ended; null while it goes on';
