-- How many migrations the oldest release has whose processes may still use this schema. A migration that takes away or narrows what a
-- release uses raises it, by `create or replace`, to the number of the first release that does without.
create function dunwell_oldest_release() returns int language sql immutable as 'select 41';
