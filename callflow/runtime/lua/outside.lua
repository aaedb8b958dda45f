-- HTTP and the database: verbs that wait for their end as any other, and never by blocking. Given the sandbox and the tasks.

local box, kit = ...

local type, next, select = type, next, select
local format, upper = string.format, string.upper
local ask, fail = kit.ask, kit.fail

--- The arguments of a request: the URL and a table of options, or one table with both.
local function requested(command, method, url, options)
  local args = {}
  if type(url) == "table" then url, options = nil, url end
  for name, value in next, type(options) == "table" and options or {} do
    if name == 1 then name = "url" end
    if type(name) ~= "string" then fail("bad_argument", "expected one URL, and options by name", command) end
    args[name] = value
  end
  args.url = url or args.url
  args.method = method or args.method
  if type(args.url) ~= "string" then
    fail("bad_argument", format("expected a URL as text, got %s", type(args.url)), command)
  end
  return args
end

local function asking(name, method)
  local command = "http." .. name
  return function(url, options)
    return (ask("http", command, requested(command, method, url, options)))
  end
end

local http = { request = asking("request") }
for _, name in next, { "get", "head", "post", "put", "patch", "delete" } do
  http[name] = asking(name, upper(name))
end

local function querying(name, wants_rows)
  local command = "db." .. name
  return function(statement, ...)
    if type(statement) ~= "string" then
      fail("bad_argument", format("expected a statement of SQL, got %s", type(statement)), command)
    end
    if select("#", ...) > 100 then fail("bad_argument", "expected at most 100 values", command) end
    return (ask("sql", command, wants_rows, statement, ...))
  end
end

local db = { query = querying("query", true), execute = querying("execute", false) }

return { http = box.library(http), db = box.library(db) }
