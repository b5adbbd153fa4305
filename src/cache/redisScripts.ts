/**
 * The scripts that Redis runs, each as a whole. `KEYS[1]` is the hash with the state of the cache:
 *
 * - `epoch`, a random text: entries of another epoch are of no use. It is new whenever the hash is, so that whatever Redis
 *   forgets (a restart, eviction, FLUSHALL) makes entries unusable and never usable again.
 * - `count`, the number of changes so far; `beat`, how many rounds were confirmed.
 *
 * Beside it is the text `epoch confirmed beat`, where `confirmed` is when the last confirmed round began, in milliseconds of
 * Redis's own clock. A tag's key holds the count at its last change. An entry is a text too: `epoch asOf freshUntil keepUntil
 * tags`, a line break, and the value. So a reader may get with one MGET all that says whether an entry is of use.
 */
const state = `
local confirmedKey = KEYS[1] .. ':confirmed'
local function confirmation()
  local text = redis.call('GET', confirmedKey)
  if not text then return nil, 0 end
  local _, confirmed, beat = string.match(text, '^(%S+) (%S+) (%S+)$')
  return tonumber(confirmed), tonumber(beat)
end
local function confirm(epoch, confirmed, beat)
  redis.call('SET', confirmedKey, string.format('%s %.0f %.0f', epoch, confirmed, beat))
end
local function state()
  local found = redis.call('HMGET', KEYS[1], 'epoch', 'count')
  if not found[1] then
    redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'count', '1')
    redis.call('DEL', confirmedKey)
    return ARGV[1], 1
  end
  return found[1], tonumber(found[2])
end
local function forgetAll(epoch)
  redis.call('HSET', KEYS[1], 'epoch', epoch)
  redis.call('HINCRBY', KEYS[1], 'count', 1)
  local confirmed, beat = confirmation()
  if confirmed then confirm(epoch, confirmed, beat) end
end
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function change(tagKey)
  local count = redis.call('HINCRBY', KEYS[1], 'count', 1)
  redis.call('SET', tagKey, string.format('%.0f', count), 'PX', TAG_LIFE)
  return count
end
`

/** A version that expires makes its entries unusable, which live for a day at most. */
const tagLifeMs = 2 * 86_400_000

const withState = (body: string): string => `${state.replace('TAG_LIFE', `${tagLifeMs}`)}${body}`

/**
 * `KEYS[2]` is the entry; `ARGV`: a new epoch, the prefix of tags' keys, then the tags that are known. Answers with the epoch,
 * the count, the latest change among the tags, milliseconds since the last confirmed round began (negative where there is
 * none), the beat, the time, and the entry if it may be used: its value, its tags as JSON, and for how many milliseconds it
 * is fresh and kept.
 */
export const lookupScript = withState(`
local epoch, count = state()
local confirmed, beat = confirmation()
local changed = 0
for at = 3, #ARGV do
  local tagKey = ARGV[2] .. ARGV[at]
  local version = tonumber(redis.call('GET', tagKey))
  if not version then
    version = change(tagKey)
    count = version
  end
  if version > changed then changed = version end
end
local time = now()
local answer = { epoch, count, changed, confirmed and time - confirmed or -1, beat, time }
local entry = redis.call('GET', KEYS[2])
if not entry then return answer end
local epochOf, asOf, freshUntil, keepUntil, tags, value =
  string.match(entry, '^(%S+) (%S+) (%S+) (%S+) ([^\\n]*)\\n(.*)$')
local usable = epochOf == epoch
for _, tag in ipairs(cjson.decode(tags)) do
  local version = tonumber(redis.call('GET', ARGV[2] .. tag))
  if not version or version > tonumber(asOf) then usable = false end
end
if not usable then
  redis.call('DEL', KEYS[2])
  return answer
end
answer[7] = value
answer[8] = tags
answer[9] = tonumber(freshUntil) - time
answer[10] = tonumber(keepUntil) - time
return answer
`)

/**
 * `KEYS[2]` is the entry; `ARGV`: a new epoch, the prefix of tags' keys, the epoch and the count at which the computation
 * began, milliseconds for which the entry is kept and fresh, its value, its tags as JSON, then the tags. Answers with 1 if it
 * was stored.
 */
export const putScript = withState(`
local epoch = state()
if epoch ~= ARGV[3] then return 0 end
local start = tonumber(ARGV[4])
local usable = 1
for at = 9, #ARGV do
  local version = tonumber(redis.call('GET', ARGV[2] .. ARGV[at]))
  if not version then
    -- It may have changed meanwhile and been forgotten. From now on its changes are known.
    change(ARGV[2] .. ARGV[at])
    usable = 0
  elseif version > start then
    usable = 0
  end
end
if usable == 0 then return 0 end
local time = now()
local head = string.format('%s %s %.0f %.0f %s', epoch, ARGV[4], time + tonumber(ARGV[6]), time + tonumber(ARGV[5]), ARGV[8])
redis.call('SET', KEYS[2], head .. '\\n' .. ARGV[7], 'PX', ARGV[5])
return 1
`)

/** `ARGV`: a new epoch, the prefix of tags' keys, the channel, the tags as JSON, 1 if everything is meant, then the tags. */
export const invalidateScript = withState(`
state()
if ARGV[5] == '1' then
  forgetAll(ARGV[1])
else
  for at = 6, #ARGV do change(ARGV[2] .. ARGV[at]) end
end
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1
`)

/**
 * `ARGV`: a new epoch, the identity of the Redis process, the channel. Answers with the time. A process that was started anew
 * may have read an older state from its disk, so everything is of no use.
 */
export const beginScript = withState(`
state()
if redis.call('HGET', KEYS[1], 'run') ~= ARGV[2] then
  redis.call('HSET', KEYS[1], 'run', ARGV[2])
  forgetAll(ARGV[1])
  redis.call('PUBLISH', ARGV[3], '["*"]')
end
return string.format('%.0f', now())
`)

/** `ARGV`: a new epoch, when the round began, the longest that it may have taken. */
export const confirmScript = withState(`
local epoch = state()
local began = tonumber(ARGV[2])
local age = now() - began
-- The message was under way for too long, or the clock was moved.
if age < 0 or age > tonumber(ARGV[3]) then return 0 end
local beat = redis.call('HINCRBY', KEYS[1], 'beat', 1)
confirm(epoch, began, beat)
return beat
`)
