--- Lists of numbers, and of beginnings of numbers (`0900*`). Spaces, brackets, dots and dashes in them do not count.
--
--   local blocked = require("callflow.numbers")("mallory", "0900*")
--   if blocked:has(call.caller.number) then call:reject("declined") end

local Numbers = {}
Numbers.__index = Numbers

local function plain(number)
  return (number:gsub("[%s()./-]", ""))
end

--- Is the number one of them, or does it begin as one of them says?
function Numbers:has(number)
  number = plain(number)
  if self[number] then return true end
  for size = 1, #number do
    if self[number:sub(1, size) .. "*"] then return true end
  end
  return false
end

return function(...)
  local numbers = {}
  for _, entry in ipairs{ ... } do numbers[plain(entry)] = true end
  return setmetatable(numbers, Numbers)
end
