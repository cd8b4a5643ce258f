-- An operator pauses or resumes the queue, or what its mails wait for. ARGV: 'pause', why | 'resume' |
-- 'release', whose pause is over, limit
-- Returns how many mails were made due, and how many still wait.
if ARGV[1] == 'pause' then
  redis.call('SET', P .. 'paused', ARGV[2])
elseif ARGV[1] == 'resume' then
  redis.call('DEL', P .. 'paused')
else
  local held, at, released = P .. 'held:' .. ARGV[2], now(), 0
  for _, id in ipairs(redis.call('SPOP', held, tonumber(ARGV[3]))) do
    if redis.call('HGET', mail_key(id), 'state') == 'waiting' then
      wait(id, 'waiting', at, at, { why = ARGV[2] .. ' goes on' })
      released = released + 1
    end
  end
  return { released, redis.call('SCARD', held) }
end
return { 0, 0 }
