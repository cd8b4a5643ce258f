-- The random mark of this ledger's data. KEYS[1] is the prefix of these keys.
-- ARGV: candidate, then of a worker that watches: the mark that it remembers or '', the pulse that it has seen
-- Returns mark, pulse, and where it is not the one remembered: when that came to light (ms), and why
local candidate, remembered, seen = ARGV[1], ARGV[2], tonumber(ARGV[3] or nil)
redis.call('SET', P .. 'mark', candidate, 'NX')
local mark = redis.call('GET', P .. 'mark')
if not remembered then return { mark } end

local at, why = now(), 'wiped or exchanged'
local pulse = tonumber(redis.call('GET', P .. 'pulse') or '0')
if mark == remembered and pulse < seen then
  -- The mark is ours and the pulse is older than what we saw: a backup, or a replica that lagged behind.
  why, mark = 'restored', candidate
  redis.call('SET', P .. 'mark', mark)
  redis.call('SET', P .. 'parking', mark) -- until somebody says that what may go only once is parked
end
pulse = math.max(pulse, seen) + 1
redis.call('SET', P .. 'pulse', pulse)
-- Whoever found the restore may have ended before it had parked: then those who come later are told too.
local parking = redis.call('GET', P .. 'parking') == mark
if (remembered == '' or mark == remembered) and not parking then return { mark, pulse } end

-- Every worker finds out; the first one writes it down.
local last = redis.call('LINDEX', P .. 'changes', -1)
last = last and cjson.decode(last)
if not last or last.mark ~= mark then
  last = { at = at, was = remembered, mark = mark, why = why }
  redis.call('RPUSH', P .. 'changes', cjson.encode(last))
  redis.call('LTRIM', P .. 'changes', -20, -1)
end
return { mark, pulse, last.at, last.why }
