-- Deliveries for wrk to send, from a file with one a line: path, authorization and body with tabs between.
local deliveries, sent = {}, 0

function init(args)
  for line in io.lines(args[1]) do
    local path, authorization, body = line:match("(.-)\t(.-)\t(.*)")
    local headers = {
      ["Authorization"] = authorization,
      ["Content-Type"] = "application/json",
      ["X-Forwarded-Proto"] = "https",
    }
    deliveries[#deliveries + 1] = wrk.format("POST", path, headers, body)
  end
end

function request()
  sent = sent % #deliveries + 1
  return deliveries[sent]
end

function done(summary)
  local errors = summary.errors
  local lost = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format('\n{"answers": %d, "seconds": %f, "refused": %d, "lost": %d}\n',
    summary.requests, summary.duration / 1e6, errors.status, lost))
end
