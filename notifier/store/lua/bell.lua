-- A worker slot rings its bell once more. ARGV: bell, bell lease ms
redis.call('ZREM', P .. 'answered', ARGV[1])
redis.call('ZADD', P .. 'rung', now() + tonumber(ARGV[2]), ARGV[1])
return 1
