-- nodoff for HAProxy (2.6 and later, with Lua as Debian's and the official image have it). Loaded by haproxy.cfg:
--
--   http-request lua.nodoff              asks nodoff about the request; the route is found by its host
--   http-request lua.nodoff_route blog   the same for the route named here, and nodoff says where its app is
--
-- After it var(txn.nodoff) is found where the request belongs to the backend `nodoff`: the loading page and its channel.
-- After `nodoff_route` var(txn.nodoff_ip) and var(txn.nodoff_port) say where the app is.

local address = os.getenv("NODOFF_ADDRESS") or "127.0.0.1:8090"
local fails_open = os.getenv("NODOFF_FAIL") == "open"
-- Longer than nodoff ever holds a caller.
local patience_ms = 30000

-- What nodoff looks at. Cookies and Authorization are none of its business.
local passed = {
  "accept", "accept-language", "user-agent", "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-purpose",
  "purpose", "x-requested-with", "hx-request", "x-nodoff-probe",
}
-- A client may send these; they must not reach nodoff.
local dropped = {
  "authorization", "cookie", "expect", "upgrade", "x-forwarded-for", "x-forwarded-host", "x-forwarded-method",
  "x-forwarded-port", "x-forwarded-prefix", "x-forwarded-proto", "x-forwarded-uri", "x-real-ip", "x-nodoff-route",
  "x-nodoff-state", "x-nodoff-upstream",
}
-- The last address nodoff said of a route, for the time it is away.
local addresses = {}

-- What nodoff is told about the client's request, under the names of its nginx dialect.
local function describe(txn, sent)
  local upgrade = sent["upgrade"]
  return {
    ["x-original-uri"] = txn.f:pathq(),
    ["x-original-method"] = txn.f:method(),
    ["x-original-upgrade"] = upgrade and upgrade[0] or "",
    ["x-original-proto"] = txn.f:ssl_fc() == 1 and "https" or "http",
    ["x-original-addr"] = txn.f:src(),
  }
end

-- Where the backend `nodoff` finds it now: HAProxy's own HTTP client does not get names out of Docker's resolver.
local function whereabouts()
  local server = core.backends["nodoff"].servers["nodoff"]
  local ip, port = string.match(server and server:get_addr() or "", "^([%x.:]+):(%d+)$")
  if not ip then return address end
  return (string.find(ip, ":", 1, true) and "[" .. ip .. "]" or ip) .. ":" .. port
end

-- nodoff's answer, or nil while it is away. Its hook says 200, 401 or 403; any other status is HAProxy's own.
local function ask(txn, sent, route)
  if txn.f:nbsrv("nodoff") == 0 then return nil end
  local headers = { host = { sent["host"] and sent["host"][0] or "" } }
  for name, value in pairs(describe(txn, sent)) do headers[name] = { value } end
  for _, name in ipairs(passed) do
    if sent[name] then headers[name] = { sent[name][0] } end
  end
  local url = "http://" .. whereabouts() .. "/auth/nginx" .. (route and "?route=" .. route or "")
  local answer = core.httpclient():get({ url = url, headers = headers, timeout = patience_ms })
  local is_nodoff = answer and (answer.status == 200 or answer.status == 401 or answer.status == 403)
  return is_nodoff and answer or nil
end

-- Makes the request one for the backend `nodoff`.
local function turn(txn, sent)
  for name, value in pairs(describe(txn, sent)) do txn.http:req_set_header(name, value) end
  for _, name in ipairs(dropped) do txn.http:req_del_header(name) end
  txn:set_var("txn.nodoff", true)
end

local function remember(route, answer)
  local said = answer.headers["x-nodoff-upstream"]
  local ip, port = string.match(said and said[0] or "", "^https?://%[?([%x.:]-)%]?:(%d+)$")
  if ip then addresses[route] = { ip = ip, port = tonumber(port) } end
end

local function lead(txn, route)
  local known = addresses[route]
  if not known then return end
  txn:set_var("txn.nodoff_ip", known.ip)
  txn:set_var("txn.nodoff_port", known.port)
end

local function guard(txn, route)
  local sent = txn.http:req_get_headers()
  if string.sub(txn.f:path(), 1, 9) == "/.nodoff/" then return turn(txn, sent) end
  local answer = ask(txn, sent, route)
  if not answer then
    if not fails_open then txn:done(txn:reply({ status = 502 })) end
    return lead(txn, route)
  end
  if answer.status == 200 then
    if route then remember(route, answer) end
    return lead(txn, route)
  end
  turn(txn, sent)
  txn.http:req_set_method("GET")
  txn.http:req_set_uri("/wake?dialect=nginx")
end

core.register_action("nodoff", { "http-req" }, function(txn) guard(txn, nil) end, 0)
core.register_action("nodoff_route", { "http-req" }, guard, 1)
