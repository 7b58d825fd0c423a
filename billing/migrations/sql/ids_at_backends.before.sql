-- Which of two attempts had the id by right nobody knows any more: the first keeps it, the other
-- remembers how it was called.
UPDATE billing_attempt AS later
SET provider_id = '',
    detail = left('Its id was another attempt''s: ' || later.provider_id || '. ' || later.detail, 500)
WHERE later.provider_id <> '' AND EXISTS (
    SELECT 1 FROM billing_attempt AS first
    WHERE first.backend = later.backend AND first.provider_id = later.provider_id
      AND (first.created_at, first.id) < (later.created_at, later.id)
);
