-- Who may open a mailbox: whoever knows its PIN. Three wrong tries end the call, and lock the mailbox.

local greetings = require "voicemail.greetings"
local pin = require "voicemail.pin"

local m = {}

local tries = 3

-- By what checkPin says: what the caller hears. A first PIN that is not active yet is "not valid".
local verdicts = {
  wrong    = "belfry/pin-wrong",
  locked   = "belfry/mailbox-locked",
  notReady = "belfry/pin-not-valid",
}

-- The mailbox with that number, once its PIN has been given; nil if it is not.
---@param call Call
---@param number? string nil: it is asked for
---@return Mailbox?
function m.enter(call, number)
  if number and not mailbox(number) then
    call:playPrompt("belfry/no-mailbox")
    return nil
  end
  local wrong = number and "belfry/pin-wrong" or "belfry/pin-log-in-wrong"
  number = number or call:readDigits { prompt = "belfry/enter-mailbox-hash", timeout = "10s", tries = tries }.digits
  local box = number ~= "" and mailbox(number)      -- whether it exists is nobody's business before the PIN
  for _ = 1, tries do
    local entered = call:readDigits { prompt = "belfry/enter-pin-hash", timeout = "10s", secret = true }.digits
    local verdict = box and entered ~= "" and box:checkPin(entered) or "wrong"
    if verdict == "ok" then return box end
    call:playPrompt(verdict == "wrong" and wrong or verdicts[verdict])
    if verdict == "locked" then return nil end
  end
  call:playPrompt("belfry/too-many-tries")
end

-- What is asked of an owner who logs in for the first time: another PIN than the default, and their name.
---@param call Call
---@param box Mailbox
function m.firstTime(call, box)
  if box:mustChangePin() then
    call:playPrompt("belfry/pin-default-change")
    pin.change(call, box)
  end
  local owner = line(box.number)
  if owner and owner.kind == "person" and not box:greeting("name") then
    call:playPrompt("belfry/first-log-in")
    greetings.record(call, box, "name")
  end
  if box:greeting("temporary") then call:playPrompt("belfry/greeting-temporary-on") end
end

return m
