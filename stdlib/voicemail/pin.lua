-- Changing the PIN by telephone: six digits, entered twice. It is active ten minutes later; until then the old
-- one holds.

local m = {}

local tries = 3

---@param call Call
---@param box Mailbox
function m.change(call, box)
  for _ = 1, tries do
    local first = call:readDigits { prompt = "belfry/pin-new", timeout = "10s", secret = true }.digits
    if first == "" then return end
    local again = call:readDigits { prompt = "belfry/pin-again", timeout = "10s", secret = true }.digits
    if first ~= again then
      call:playPrompt("belfry/pin-mismatch")
    elseif not first:match("^%d%d%d%d%d%d$") then
      call:playPrompt("belfry/pin-six-digits")
    else
      local done, err = box:setPin(first)
      if done then return call:playPrompt("belfry/pin-active-later") end
      call:playPrompt(err.code == "failed" and "belfry/feature-unavailable" or "belfry/pin-trivial")
    end
  end
end

return m
