-- Changing the PIN by telephone: six digits, entered twice. It is active ten minutes later; until then the old
-- one holds.

local m = {}

local tries = 3

-- By the code of setPin's error: what the owner hears.
local refusals = { trivial = "belfry/pin-trivial", length = "belfry/pin-six-digits" }

---@param call Call
---@param box Mailbox
function m.change(call, box)
  for _ = 1, tries do
    local first = call:readDigits { prompt = "belfry/pin-new", timeout = "10s" }.digits
    if first == "" then return end
    local again = call:readDigits { prompt = "belfry/pin-again", timeout = "10s" }.digits
    if first ~= again then
      call:playPrompt("belfry/pin-mismatch")
    else
      local done, err = box:setPin(first)
      if done then return call:playPrompt("belfry/pin-active-later") end
      call:playPrompt(refusals[err.code] or "belfry/pin-not-valid")
    end
  end
end

return m
