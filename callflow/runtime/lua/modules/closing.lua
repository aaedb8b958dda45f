--- Something to do at the end of a block, however it ends:
--
--   local gone <close> = require("callflow.closing")(function() leave(line) end)

local Closing = { __close = function(closing) closing.act() end }

return function(act)
  return setmetatable({ act = act }, Closing)
end
