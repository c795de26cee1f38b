-- The counter's event as the Datastar client sends it, or without BENCH_BODY a plain GET; prints what bench.sh reads. The request is
-- made once, so that wrk's own work per request stays small.
-- SPDX-License-Identifier: MIT
local body = os.getenv("BENCH_BODY")
if body then
    local file = assert(io.open(body, "rb"))
    wrk.method = "POST"
    wrk.body = file:read("*a")
    file:close()
    wrk.headers["Accept"] = "text/event-stream, text/html, application/json"
    wrk.headers["Content-Type"] = "application/json"
    wrk.headers["Datastar-Request"] = "true"
end

-- wrk's own user and system time so far, in ticks
local function own_ticks()
    local stat = assert(io.open("/proc/self/stat")):read("*a")
    local field, sum = 2, 0
    for word in stat:gsub("^.*%)", ""):gmatch("%S+") do
        field = field + 1
        if field == 14 or field == 15 then
            sum = sum + tonumber(word)
        end
    end
    return sum
end

function done(summary)
    local e = summary.errors
    print(string.format("BENCH %d %d %d %d", summary.requests, summary.duration, own_ticks(),
        e.connect + e.read + e.write + e.status + e.timeout))
end
