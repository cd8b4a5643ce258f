-- Somebody reports of a mail, long after a relay has taken it. Its state stays: it was sent. History and hooks learn of it,
-- once for each report.
-- ARGV: id, digest of the report, name of the event, why, status of RFC 3463 or '', entry for the history, retention ms
-- Returns noted | known | enough | gone
local id, digest, at = ARGV[1], ARGV[2], now()
local MOST = 50 -- reports of one mail: whoever has its token must not fill the store
local key = mail_key(id)
local f = redis.call('HMGET', key, 'state', 'template', 'class', 'attempt')
local left = not f[1] and left_of(id)
if not f[1] and not left then return 'gone' end

local seen = P .. 'reports:' .. id
local known = redis.call('HEXISTS', seen, digest) == 1
if not known and redis.call('HLEN', seen) >= MOST then return 'enough' end
redis.call('HSET', seen, digest, 1) -- if it was there too, see `touch`
redis.call('PEXPIRE', seen, left and math.max(redis.call('PTTL', ended_key(id)), 1) or ARGV[7])
if known then return 'known' end

local entry, state = cjson.decode(ARGV[6]), f[1] or left.state
entry.at, entry.state = at / 1000, state
-- Nor may he push out what the mail's own way was.
if left and #left.history < HISTORY then
  left.history[#left.history + 1] = packed(ROW, entry)
  keep_left(id, left, 'KEEPTTL')
elseif not left and redis.call('LLEN', P .. 'history:' .. id) < HISTORY then
  record(id, entry)
end
publish({
  name = ARGV[3], mail_id = id, state = state, at = at / 1000, template = f[2] or left and left.template,
  mail_class = f[3] or left and left.class, attempt = tonumber(f[4] or left and left.attempt or nil) or 0, why = ARGV[4],
  fault = ARGV[5] ~= '' and { enhanced = ARGV[5] } or nil,
})
return 'noted'
