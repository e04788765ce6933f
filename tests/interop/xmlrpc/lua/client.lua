-- Peergate with LuaXMLRPC. Requests and answers are lines, see stacks.py.
local mime = require "mime"
local url = require "socket.url"
local xmlrpc = require "xmlrpc"
local http = require "xmlrpc.http"

local address = arg[1]
if os.getenv "CREDENTIAL" then
  local name, token = os.getenv "TOKEN_NAME", os.getenv "TOKEN"
  -- doc: http
  local parts = url.parse(address)
  parts.user, parts.password = name, token
  address = url.build(parts)
  -- end doc
end

-- doc: open
-- LuaXMLRPC escapes no text and writes no base64; both can be added in front of it.
local function text(value)
  return (value:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end
local function bytes(data) return "base64:" .. mime.b64(data) end
local encode = xmlrpc.clEncode
xmlrpc.clEncode = function(...)
  return (encode(...):gsub("<string>base64:(.-)</string>", "<base64>%1</base64>"))
end
local function list(values)
  return { ["*type"] = { type = "array", elemtype = "string" }, ["*value"] = values }
end

local function call(method, ...)
  local ok, value, code = http.call(address, method, ...)
  if not ok then error({ code = code, message = value }) end
  return value
end
-- end doc

local function calls(values)
  return { ["*type"] = { type = "array", elemtype = "array" }, ["*value"] = values }
end

local function row(...)
  local values = { "row", ... }
  for i, value in ipairs(values) do values[i] = type(value) == "number" and ("%.0f"):format(value) or tostring(value) end
  print(table.concat(values, "\t"))
end

local function save(path, data)
  local file = assert(io.open(path, "wb"))
  file:write(data)
  file:close()
end

local function load(path)
  local file = assert(io.open(path, "rb"))
  local data = file:read("*a")
  file:close()
  return data
end

local function words(value) return (value:gsub("%s+", " ")) end

local verbs = {
  version = function() row(xmlrpc._VERSION) end,
  methods = function()
    for _, name in ipairs(call("system.listMethods")) do row(name) end
  end,
  help = function(method)
    row(#call("system.methodSignature", method), words(call("system.methodHelp", method)))
  end,
  search = function(query, limit, minSize)
    -- doc: search
    local found = call("search.find", text(query), { limit = tonumber(limit), minSize = tonumber(minSize) })
    for _, hit in ipairs(found.hits) do
      row(hit.contentId, hit.size, hit.name, unpack(hit.tags))
    end
    -- end doc
  end,
  read = function(contentId, offset, length, path)
    -- doc: read
    local chunk = call("content.read", contentId, { offset = tonumber(offset), length = tonumber(length) })
    save(path, mime.unb64(chunk.data)) -- base64 stays text
    -- end doc
    row(chunk.offset, chunk.size, chunk.eof)
  end,
  download = function(contentId, path)
    local whole = call("content.download", contentId)
    save(path, mime.unb64(whole.data))
    row(whole.name, whole.size)
  end,
  publish = function(name, path, ...)
    local tags = { ... }
    for i, tag in ipairs(tags) do tags[i] = text(tag) end
    -- doc: publish
    local content = call("content.publish", text(name), bytes(load(path)), { tags = list(tags) })
    -- end doc
    local y, mo, d, h, m, s = content.published:match("^(%d%d%d%d)(%d%d)(%d%d)T(%d%d):(%d%d):(%d%d)$")
    local now = os.time()
    local zone = os.time(os.date("*t", now)) - os.time(os.date("!*t", now))
    local published = os.time({ year = y, month = mo, day = d, hour = h, min = m, sec = s, isdst = false }) + zone
    row(content.contentId, content.size, content.name, published * 1000, unpack(content.tags))
  end,
  status = function(transferId) row(call("transfer.status", transferId).state) end,
  multicall = function(query, transferId)
    local answers = call("system.multicall", calls {
      { methodName = "search.find", params = calls { text(query), { limit = 100 } } },
      { methodName = "transfer.status", params = list { transferId } },
    })
    -- An answer is in an array of one, a fault is a struct.
    row("hits", #answers[1][1].hits)
    row("fault", answers[2].faultCode)
  end,
  subscribe = function(topic) row(call("event.subscribe", list { topic }).subscriptionId) end,
  pull = function(subscription, wait)
    -- doc: pull
    local page = call("event.pull", subscription, { waitMs = tonumber(wait) })
    for _, event in ipairs(page.events) do row(event.topic, event.subject) end
    -- end doc
  end,
}

io.stdout:setvbuf("line")
for line in io.lines() do
  local arguments = {}
  for word in (line .. "\t"):gmatch("(.-)\t") do arguments[#arguments + 1] = word end
  local ok, problem = pcall(verbs[table.remove(arguments, 1)], unpack(arguments))
  if ok then
    print("done")
  elseif type(problem) == "table" then
    print(("fault\t%d\t%s"):format(problem.code, problem.message))
  else
    print("error\t" .. words(tostring(problem)))
  end
end
