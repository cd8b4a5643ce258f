-- The ledger went back to an older state: what may go only once, and waits in it, may have gone since. A person decides.
-- ARGV: created before (ms), limit, rank to begin at
-- Returns parked, and the next rank or -1
local before, limit, from = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local at, parked = now(), 0
local ids = redis.call('ZRANGE', P .. 'due', from, from + limit - 1)
for _, id in ipairs(ids) do
  local f = redis.call('HMGET', mail_key(id), 'delivery', 'created', 'then')
  local once = f[1] == 'at_most_once' or (f[1] == 'evidence_first' and f[3] == 'at_most_once')
  if once and tonumber(f[2]) < before then
    move(id, 'waiting', 'parked', at, at, { why = 'the store was restored, and it may have gone since' })
    parked = parked + 1
  end
end
if #ids < limit then return { parked, -1 } end
return { parked, from + limit - parked }
