-- The breakers of one relay, its own and one for each account there; notifier.pool.local_breakers is the model.
-- ARGV: 'permit', account | 'forgo', account | 'logged_in', account | 'good', account | 'opened', account
--     | 'log_in', account, login | 'login_over', account, login
--     | 'bad', account, 'host' or 'account', consecutive, share, last, first ms, longest ms, probe ms, why
-- The account is '' where nobody logs in. KEYS[1] is the prefix "namespace:{relay …}:".
local at, verb, account = now(), ARGV[1], ARGV[2]
local OTHERS_WAIT = 1000 -- ms until it is asked again while somebody tries a password that is new
local OTHERS_WAIT_SHARE, OTHERS_WAIT_MOST = 6, 5000 -- while somebody probes: a sixth of the time that it was open, ms
local AT_ONCE, LOGIN = 3, 60000 -- logins of an account under way, and ms until one is given up
local KEPT = 7 * 24 * 3600 * 1000 -- ms that a place is remembered in which nothing happens

local host = P .. 'breaker'
local keys = { host }
if account ~= '' then keys[2] = P .. 'breaker:' .. account end
local logins = P .. 'logins:' .. account

local function read(key)
  local f = redis.call('HMGET', key, 'proven', 'failures', 'last', 'until', 'open_for', 'probe_until', 'probe', 'why')
  return {
    proven = f[1] == '1' or key == host,
    failures = tonumber(f[2] or '0'),
    last = f[3] or '',
    ends = tonumber(f[4] or nil),
    open_for = tonumber(f[5] or '0'),
    probe_until = tonumber(f[6] or '0'),
    probe = tonumber(f[7] or '120000'),
    why = f[8] or '',
  }
end

local function is_clean(b) return b.proven and not b.ends and b.last == '' end

local function waits(b)
  if not b.ends and b.proven then return 0 end
  if b.ends and at < b.ends then return b.ends - at end
  if at < b.probe_until then
    local others = b.ends and math.min(OTHERS_WAIT_MOST, math.ceil(b.open_for / OTHERS_WAIT_SHARE)) or OTHERS_WAIT
    return math.min(others, b.probe_until - at)
  end
  return 0
end

local function longest_wait(found)
  local longest = found[1]
  for _, b in ipairs(found) do
    if waits(b) > waits(longest) then longest = b end
  end
  return waits(longest), longest.why
end

local function set(key, ...)
  redis.call('HSET', key, ...)
  redis.call('PEXPIRE', key, KEPT)
end

local function good(key)
  local b = read(key)
  if is_clean(b) then return 0 end
  -- Those who had logged in before it opened say nothing of the password; the probe does.
  if key ~= host and b.ends and at < b.ends then return 0 end
  redis.call('DEL', key)
  local last = ''
  if not b.ends and string.find(b.last, '1', 1, true) then last = string.sub(b.last .. '0', -100) end
  if key ~= host or last ~= '' then set(key, 'proven', '1', 'last', last) end
  return b.ends and 1 or 0
end

local function bad(key)
  local b = read(key)
  local consecutive, share, most = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
  local first, longest = tonumber(ARGV[7]), tonumber(ARGV[8])
  local last = string.sub(b.last .. '1', -most)
  set(key, 'failures', b.failures + 1, 'last', last, 'probe', ARGV[9], 'why', ARGV[10])
  local open_for = 0
  if b.ends then
    -- Those who were under way when it opened say nothing new; the probe does.
    if at >= b.ends then open_for = math.min(b.open_for * 2, longest) end
  else
    local _, failed = string.gsub(last, '1', '')
    if b.failures + 1 >= consecutive or (#last >= most and failed > share * #last) then open_for = first end
    set(key, 'probe_until', 0)
  end
  if open_for > 0 then set(key, 'until', at + open_for, 'open_for', open_for, 'probe_until', 0) end
  return open_for
end

local function forgo()
  for _, key in ipairs(keys) do
    if redis.call('EXISTS', key) == 1 then set(key, 'probe_until', 0) end
  end
  return 0
end

-- A login without a probe's permit: those permits were many's, and the password may have changed since.
local function log_in()
  local found = { read(host), read(keys[2]) }
  local wait, why = longest_wait(found)
  for _, b in ipairs(found) do
    if b.ends or not b.proven then return { math.max(wait, OTHERS_WAIT), -1, why } end
  end
  redis.call('ZREMRANGEBYSCORE', logins, '-inf', at)
  redis.call('ZREM', logins, ARGV[3]) -- the answer was lost, and it is asked again
  local clean = is_clean(found[2])
  if redis.call('ZCARD', logins) >= (clean and AT_ONCE or 1) then
    -- While new ones begin the relay is well, and one's turn near.
    local newest = tonumber(redis.call('ZRANGE', logins, -1, -1, 'WITHSCORES')[2]) - LOGIN
    return { OTHERS_WAIT, clean and math.max(0, newest + OTHERS_WAIT - at) or -1, '' }
  end
  redis.call('ZADD', logins, at + LOGIN, ARGV[3])
  redis.call('PEXPIRE', logins, LOGIN)
  return { 0, -1, '' }
end

if verb == 'permit' then
  local clean, probe = 1, 0
  local found = {}
  for i, key in ipairs(keys) do
    found[i] = read(key)
    if not is_clean(found[i]) then clean = 0 end
  end
  local wait, why = longest_wait(found)
  if wait > 0 then return { wait, 0, 0, why } end
  for i, b in ipairs(found) do
    if b.ends or not b.proven then
      probe = 1
      set(keys[i], 'probe_until', at + b.probe)
    end
  end
  return { 0, probe, clean, '' }
elseif verb == 'log_in' then
  return log_in()
elseif verb == 'login_over' then
  return redis.call('ZREM', logins, ARGV[3])
elseif verb == 'logged_in' then
  return keys[2] and good(keys[2]) or 0
elseif verb == 'good' then
  local closed = 0
  for _, key in ipairs(keys) do closed = closed + good(key) end
  return closed
elseif verb == 'forgo' then
  return forgo()
elseif verb == 'opened' then -- for people: whose, for how long yet, and why; nothing is given away by it
  local opened = {}
  for i, key in ipairs(keys) do
    local b = read(key)
    if b.ends then opened[#opened + 1] = { i == 1 and 'host' or 'account', math.max(0, b.ends - at), b.why } end
  end
  return opened
else
  forgo()
  if ARGV[3] == 'account' and keys[2] then return bad(keys[2]) end
  return bad(host)
end
