-- What feature codes do: forwarding, do not disturb, group log-in, and small services. Which code does what is
-- the dialplan's table; the code's digits after the fixed part come as argument, "" if there are none.

local menu = require "menu"
local say = require "say"

local m = {}

-- By kind of forward: what is said when it is switched on (before the number), and off.
m.forwards = {
  always       = { on = "belfry/forwarding-on-to",           off = "belfry/forwarding-off" },
  busy         = { on = "belfry/forwarding-busy-to",         off = "belfry/forwarding-busy-off" },
  noAnswer     = { on = "belfry/forwarding-no-answer-to",    off = "belfry/forwarding-no-answer-off" },
  unregistered = { on = "belfry/forwarding-unregistered-to", off = "belfry/forwarding-unregistered-off" },
}

local function finish(call, ...)
  call:playPrompt(say.join(...))
  call:hangup()
end

-- Asks for a number unless it was dialled with the code.
local function ask(call, given, prompt)
  if given ~= "" then return given end
  return call:readDigits { prompt = prompt, timeout = "10s", tries = 2 }.digits
end

-- Forwards the caller's line: to the number, else to where it last went, else to one that is asked for.
---@param call Call
---@param kind "always"|"busy"|"noAnswer"|"unregistered"
---@param number string
---@param outside Outside knows what the line may call
function m.forwardOn(call, kind, number, outside)
  local owner = line(call.from.line)
  local to = number ~= "" and number or owner:lastForward(kind) or ask(call, "", "belfry/forwarding-enter-number")
  to = outside.numbers:internal(to) or to
  if to == "" then return finish(call, "vm-goodbye") end
  if to == owner.number then return finish(call, "belfry/forwarding-to-itself") end
  if not outside:allows(owner, to) or outside.numbers:classify(to) == "emergency" then
    return finish(call, "belfry/forwarding-not-allowed")
  end
  local done = owner:setForward(kind, to)
  if not done then return finish(call, "belfry/feature-unavailable") end
  finish(call, m.forwards[kind].on, say.digits(to))
end

---@param call Call
---@param kind "always"|"busy"|"noAnswer"|"unregistered"
function m.forwardOff(call, kind)
  line(call.from.line):setForward(kind, nil)
  finish(call, m.forwards[kind].off)
end

---@param call Call
---@param on boolean
function m.doNotDisturb(call, on)
  line(call.from.line):setDnd(on)
  finish(call, on and "belfry/dnd-on" or "belfry/dnd-off")
end

-- Logs the caller's line in to a hunt group, or out if it is in.
---@param call Call
---@param number string of the group
function m.groupLogin(call, number)
  number = ask(call, number, "belfry/group-enter")
  local g, me = group(number), call.from.line
  if not g then return finish(call, "belfry/group-unknown") end
  local done
  local out = g:isLoggedIn(me)
  if out then done = g:logout(me) else done = g:login(me) end
  if not done then return finish(call, "belfry/group-not-member") end
  finish(call, out and "belfry/group-logged-out" or "belfry/group-logged-in", say.digits(number))
end

-- The caller's own number, inside and from outside.
---@param call Call
---@param numbers Numbering
function m.whoAmI(call, numbers)
  local external = numbers:external(call.from.line)
  finish(call, "belfry/your-number-is", say.digits(call.from.line),
    external and say.join("belfry/your-external-number-is", say.digits(external)) or {})
end

-- Who called last, answered or not, and a call back.
---@param call Call
function m.callReturn(call)
  local last
  for _, entry in ipairs(line(call.from.line):calls { limit = 50 } or {}) do
    if not last and (entry.kind == "missed" or entry.kind == "received") then last = entry end
  end
  if not last then return finish(call, "belfry/last-caller-none") end
  if last.number == "" then return finish(call, "belfry/last-caller-withheld") end
  local prompt = say.join("belfry/last-caller-was", say.digits(last.number), "belfry/press-one-to-call-back")
  if not menu.key(call, prompt, "1", "call return") then return finish(call, "vm-goodbye") end
  call:redirect(last.number)
end

---@param call Call
function m.echoTest(call)
  call:playPrompt("belfry/echo-start")
  call:echo("5m")
  finish(call, "belfry/echo-end")
end

-- The speaking clock: three strokes, the third at the time that was said, to ten seconds; for a minute.
---@param call Call
function m.clock(call)
  for _ = 1, 6 do
    local at = math.ceil((now() + 9) / 10) * 10     -- long enough to say it
    local second = at % 60
    call:playPrompt(say.join("belfry/clock-stroke", say.time(at),
      second == 0 and "belfry/clock-precisely" or say.join("digits/and", say.number(second), "seconds")))
    for before = 2, 0, -1 do
      call:sleep(math.max(0, at - before - now()))
      call:playPrompt("tone:beep")
    end
  end
  call:hangup()
end

return m
