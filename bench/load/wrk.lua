-- Run by wrk (LuaJIT). Arguments after "--": name=value.
--   upload=BYTES  POST requests with a body of that many bytes
--   rate=N        open loop: N requests per second in all, whatever the answers take
-- At the end one line that starts with "figures " is written; bench/load/wrk.ts reads it.
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } bench_timespec;
  int clock_gettime(int clock, bench_timespec *time);
]]
local CLOCK_MONOTONIC = 1
local LATE_MS = 1
local time = ffi.new("bench_timespec")
local threads = {}

local function now_ms()
  ffi.C.clock_gettime(CLOCK_MONOTONIC, time)
  return tonumber(time.seconds) * 1000 + tonumber(time.nanoseconds) / 1e6
end

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  late = 0
  local options = {}
  for _, argument in ipairs(args) do
    local name, value = argument:match("^(%w+)=(%d+)$")
    if name then options[name] = tonumber(value) end
  end
  if options.upload then
    wrk.method = "POST"
    wrk.body = string.rep("x", options.upload)
  end
  if options.rate then
    local interval_ms = 1000 / options.rate
    local due_ms
    -- Called whenever a connection is free: it takes the next place in the schedule. A place whose time has passed
    -- (by more than a tick of wrk's timers) means that no connection was free in time: that request is late, which the
    -- latencies do not show, so late ones are counted.
    function delay()
      local now = now_ms()
      due_ms = (due_ms or now) + interval_ms
      local wait_ms = due_ms - now
      if wait_ms < -LATE_MS then late = late + 1 end
      return math.max(0, math.floor(wait_ms + 0.5))
    end
  end
end

function done(summary, latency)
  local late_requests = 0
  for _, thread in ipairs(threads) do late_requests = late_requests + (thread:get("late") or 0) end
  local errors = summary.errors
  io.write(string.format(
    "figures requests=%d bytes=%d microseconds=%d p50=%d p99=%d connect=%d read=%d write=%d status=%d timeout=%d late=%d\n",
    summary.requests, summary.bytes, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout, late_requests))
end
