--- Voicemail: callers leave messages, owners hear them and greet. Boxes are rows of the app's database.
--
--   local voicemail = require("callflow.voicemail"){ app, silence = 3 }
--   voicemail:take(call, "100")        -- leave a message
--   voicemail:listen(call, "100")      -- the owner's menu

local db, say = callflow.db, callflow.say

local CAPACITY = 100 -- messages of a box
local SHORTEST = 1 -- seconds: less than that is somebody who hung up
local GREETING_SECONDS = 60
local TABLES = {
  "CREATE TABLE IF NOT EXISTS voicemail_messages (id INTEGER PRIMARY KEY, box TEXT, path TEXT, caller TEXT, at REAL, "
    .. "seconds REAL, is_saved INTEGER DEFAULT 0)",
  "CREATE TABLE IF NOT EXISTS voicemail_greetings (box TEXT PRIMARY KEY, path TEXT)",
}

local Voicemail = {}
Voicemail.__index = Voicemail

local function checked(result)
  if result.failed then error("voicemail: " .. result.message, 0) end
  return result
end

local function execute(...)
  return checked(db.execute(...))
end

local function query(voicemail, ...)
  if not voicemail.has_tables then
    for _, statement in ipairs(TABLES) do execute(statement) end
    voicemail.has_tables = true
  end
  return checked(db.query(...))
end

--- The messages of a box, the oldest first: the new ones, or those that are saved.
local function messages_of(voicemail, box, is_saved)
  local wanted = "SELECT * FROM voicemail_messages WHERE box = ? AND is_saved = ? ORDER BY id"
  return query(voicemail, wanted, box, is_saved and 1 or 0).rows
end

--- How many messages a box has, by state.
local function counts_of(voicemail, box)
  local wanted = "SELECT count(*) AS count, coalesce(sum(is_saved), 0) AS saved FROM voicemail_messages WHERE box = ?"
  local found = query(voicemail, wanted, box).first
  return { new = found.count - found.saved, saved = found.saved }
end

--- Tell the phones of the user of that name how many messages there are; a box may be nobody's.
local function light(voicemail, box)
  local counts = counts_of(voicemail, box)
  local ok, problem = pcall(voicemail.app.set_mailbox, voicemail.app, { box, new = counts.new, saved = counts.saved })
  if not ok and problem.code ~= "not_found" then error(problem, 0) end
  return counts
end

local function greeting(voicemail, box, kind)
  local own = query(voicemail, "SELECT path FROM voicemail_greetings WHERE box = ?", box).first
  if own then return own.path end
  local reason = kind == "busy" and "busy" or "not available"
  return say(("the user is %s now, please leave your message"):format(reason))
end

local function deliver(voicemail, call, box, recorded)
  local seconds = recorded.duration_ms / 1000
  if recorded.reason == "silence" then seconds = seconds - voicemail.silence end
  if recorded.reason == "failed" or seconds < SHORTEST then return nil end
  local message = { path = recorded.path, caller = call.caller.number, at = callflow.now(), seconds = seconds }
  execute("INSERT INTO voicemail_messages (box, path, caller, at, seconds) VALUES (?, ?, ?, ?, ?)",
    box, message.path, message.caller, message.at, message.seconds)
  light(voicemail, box)
  if voicemail.on_message then voicemail.on_message(call, box, message) end
  return message
end

--- Greet the caller, and take a message. Nil: there was no word, or no room. `kind` is "unavailable" or "busy".
function Voicemail:take(call, box, kind)
  call:answer()
  local counts = counts_of(self, box)
  if counts.new + counts.saved >= CAPACITY then
    call:play(say("sorry, the mailbox is not available, goodbye"))
    return nil
  end
  call:play(greeting(self, box, kind))
  local path = ("voicemail/%s/%s.wav"):format(box, call.id)
  local recorded = call:record{ path, max = self.longest, silence = self.silence, beep = true }
  local message = deliver(self, call, box, recorded)
  if recorded.reason ~= "hangup" then
    call:play(say(message and "your message was saved, thank you, goodbye" or "goodbye"))
  end
  return message
end

-- The owner's menu

local function knows_pin(voicemail, call, pin)
  return call:gather{
    say("please enter your pin"), min = #pin, max = #pin, valid = pin, retries = voicemail.tries - 1,
    invalid = { say("the pin is invalid") },
  }.digits
end

--- Play one until it is saved, deleted or left: is the next one wanted?
local function hear_one(voicemail, call, box, number, message)
  local spelled, time = { kind = "spelled" }, { kind = "time" }
  while true do
    local keyed = call:gather{
      say(("message %d from"):format(number)), say(message.caller, spelled),
      say(os.date("%H:%M", math.floor(message.at)), time), message.path, callflow.silence(0.3),
      say("press 1 to repeat, press 2 to save, press 3 to delete, press hash for the menu"),
      max = 1, valid = "[123#]", terminators = "", retries = 1,
    }
    if keyed.value == "2" then
      execute("UPDATE voicemail_messages SET is_saved = 1 WHERE id = ?", message.id)
    elseif keyed.value == "3" then
      execute("DELETE FROM voicemail_messages WHERE id = ?", message.id)
    elseif keyed.value ~= "1" then
      return false
    end
    if keyed.value ~= "1" then
      light(voicemail, box)
      call:play(say(keyed.value == "2" and "message saved" or "message deleted"))
      return true
    end
  end
end

local function hear(voicemail, call, box, is_saved)
  local messages = messages_of(voicemail, box, is_saved)
  if #messages == 0 then call:play(say("no messages")) end
  for number, message in ipairs(messages) do
    if not hear_one(voicemail, call, box, number, message) then return end
  end
end

local function record_greeting(voicemail, call, box)
  local path = ("voicemail/%s/greeting-%s.wav"):format(box, call.id)
  call:play(say("please record your message"))
  local recorded = call:record{ path, max = GREETING_SECONDS, silence = voicemail.silence, beep = true, trim = true }
  if recorded.reason == "failed" or recorded.reason == "hangup" then return end
  if call:gather{ recorded.path, say("press 1 to save"), max = 1, valid = "1", terminators = "" }.digits then
    execute("INSERT INTO voicemail_greetings VALUES (?, ?) ON CONFLICT DO UPDATE SET path = excluded.path", box, recorded.path)
    call:play(say("saved"))
  end
end

--- 1 new messages, 2 saved ones, 3 a greeting, # goodbye; after the box's PIN, if it has one.
function Voicemail:listen(call, box)
  call:answer()
  local pin = self.pins[box]
  if pin and not knows_pin(self, call, pin) then return call:play(say("sorry, goodbye")) end
  while true do
    local counts = light(self, box)
    local told = ("you have %d new %s and %d saved"):format(counts.new, counts.new == 1 and "message" or "messages", counts.saved)
    local keyed = call:gather{
      say(told), say("press 1 for new messages, 2 for saved messages, 3 to record, hash for goodbye"),
      max = 1, valid = "[123#]", terminators = "", retries = 1,
    }
    if keyed.value == "1" or keyed.value == "2" then
      hear(self, call, box, keyed.value == "2")
    elseif keyed.value == "3" then
      record_greeting(self, call, box)
    else
      return call:play(say("goodbye"))
    end
  end
end

--- Of an app. `longest`: seconds of a message. `silence`: seconds of it that end one. `pins` are by box.
-- `on_message(call, box, message)` is called after each message.
return function(options)
  if not options[1] then error("voicemail: expected the app, as in Voicemail{ app, silence = 3 }", 2) end
  return setmetatable({
    app = options[1],
    longest = options.longest or 180, silence = options.silence or 5, tries = options.tries or 3, pins = options.pins or {},
    on_message = options.on_message, has_tables = false,
  }, Voicemail)
end
