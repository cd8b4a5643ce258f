-- Remember queues by name. KEYS[1] is the set itself. ARGV: the names.
return redis.call('SADD', P, unpack(ARGV))
