-- Call screening: callers say who they are, and whoever is called decides; and what goes out is looked at, too.

local Numbers, Voicemail = require "callflow.numbers", require "callflow.voicemail"

local OWNER = "alice"
local TRUNK = "carrier"
local WITHHELD = '"Anonymous" <sip:anonymous@anonymous.invalid>'

local app = callflow.app("screening")
local blocked = Numbers("mallory", "0900*") -- who may not call
local dear = Numbers("0190*", "0900*") -- where nobody may call
local voicemail = Voicemail{ app, silence = 3 }

--- What the caller says to be called; nil: not a word, twice.
local function ask_name(call)
  call:answer()
  for _ = 1, 2 do
    call:play("prompts/say-your-name.wav")
    local said = call:record{ ("names/%s.wav"):format(call.id), max = 4, silence = 2, beep = true, trim = true }
    if said.duration_ms > 300 then
      call:play("prompts/one-moment.wav")
      return said
    end
  end
end

app:route("2100", function(call)
  if blocked:has(call.caller.number) then return call:reject("declined") end
  local name = ask_name(call)
  if not name then return call:play("prompts/no-name.wav") end
  local is_rejected = false
  local function decide(callee)
    local keyed = callee:gather{
      "prompts/call-from.wav", name.path, "prompts/choices.wav", max = 1, valid = "[123]", retries = 1,
    }
    is_rejected = is_rejected or keyed.value == "2"
    return keyed.value == "1"
  end

  local won = call:dial{ OWNER, timeout = 30, ringback = "us", confirm = decide }
  if won.answered then
    call:bridge(won.leg)
  elseif is_rejected then
    call:play("prompts/rejected.wav")
  else
    voicemail:take(call, OWNER)
  end
end)

app:route([[\*97]], function(call)
  voicemail:listen(call, OWNER)
end)

local function call_out(call, number, options)
  if dear:has(number) then return call:reject(503) end
  local won = call:dial{
    number .. "@" .. TRUNK, timeout = 60, early_media = true, caller_id = options.caller_id, headers = options.headers,
  }
  if won.answered then
    call:bridge(won.leg)
  else
    call:reject("unavailable")
  end
end

app:route([[\*77(0\d+)]], function(call)
  call_out(call, call.to:sub(4), { caller_id = WITHHELD, headers = { Privacy = "id" } })
end)

app:route([[0\d+]], function(call)
  call_out(call, call.to, {})
end)
