-- Calls for wrk to make, from a file with one a line: path, then header lines, with tabs between. Begins at a given one.
local calls, at = {}, 0

function init(args)
  for line in io.lines(args[1]) do
    local path, headers = nil, {}
    for part in line:gmatch("[^\t]+") do
      local name, value = part:match("^(%S+): (.*)$")
      if path == nil then path = part else headers[name] = value end
    end
    calls[#calls + 1] = wrk.format("GET", path, headers)
  end
  at = tonumber(args[2])
end

function request()
  at = at % #calls + 1
  return calls[at]
end

function done(summary)
  local errors = summary.errors
  io.write(string.format('\n{"answers": %d, "seconds": %f, "bytes": %d, "failed": %d}\n', summary.requests,
    summary.duration / 1e6, summary.bytes, errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
