-- Decides on one request as `limits::Window` does, and counts it if it passes.
--
-- KEYS[1] is a hash: the window's buckets by second modulo 61, `total` and `newest`.
-- ARGV[1] is the ceiling. ARGV[2], in microseconds, takes the place of the server's time; only tests send it.
--
-- Answers whether it passes (1 or 0), how many count after it, and in microseconds the time until none counts any more
-- and the wait.
local SECOND, BUCKETS = 1000000, 61
local key, ceiling = KEYS[1], tonumber(ARGV[1])

local now
if ARGV[2] then
    now = tonumber(ARGV[2])
else
    local time = redis.call('TIME')
    now = tonumber(time[1]) * SECOND + tonumber(time[2])
end

local state = redis.call('HMGET', key, 'total', 'newest')
local total, newest = tonumber(state[1] or 0), tonumber(state[2] or 0)
local second = math.max(math.floor(now / SECOND), newest)
local passed = math.min(second - newest, BUCKETS)

-- The buckets from the `first` to the `last` oldest.
local function fields(first, last)
    local names = {}
    for age = first, last do
        names[#names + 1] = (newest + age) % BUCKETS
    end
    return names
end

local live = total
if passed == BUCKETS then
    live = 0
elseif passed > 0 then
    for _, count in ipairs(redis.call('HMGET', key, unpack(fields(1, passed)))) do
        live = live - (count or 0)
    end
end

if live >= ceiling then
    local wait = 60 * SECOND
    if passed < BUCKETS then
        local left = live
        for offset, count in ipairs(redis.call('HMGET', key, unpack(fields(passed + 1, BUCKETS)))) do
            left = left - (count or 0)
            if left < ceiling then
                wait = (newest + passed + offset) * SECOND - now
                break
            end
        end
    end
    local resets = 0
    if live > 0 then
        resets = (newest + BUCKETS) * SECOND - now
    end
    return { 0, live, resets, wait }
end

if passed == BUCKETS then
    redis.call('DEL', key)
elseif passed > 0 then
    redis.call('HDEL', key, unpack(fields(1, passed)))
end
redis.call('HSET', key, 'total', live + 1, 'newest', second)
redis.call('HINCRBY', key, second % BUCKETS, 1)
if passed > 0 then
    redis.call('EXPIRE', key, BUCKETS + 1)
end
return { 1, live + 1, (second + BUCKETS) * SECOND - now, 0 }
